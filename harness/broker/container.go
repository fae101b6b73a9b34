package broker

import (
	"context"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// openContainer is where a broker in a container will be started.
func openContainer(context.Context, *child.Group) (Broker, error) {
	return nil, fmt.Errorf("broker: container: %w: use local or an amqp:// URL", ErrNotBuiltIn)
}
