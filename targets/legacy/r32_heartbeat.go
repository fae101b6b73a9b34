package legacy

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// trustTCP leaves it to TCP to say when a connection is dead: it asks for no heartbeats, and silence
// is no news.
func trustTCP(c *consumer.Consumer) {
	c.Link.Heartbeat = time.Hour // the broker's own, of a minute, is the shorter
	c.Source.(*queue.Source).StallAfter = time.Hour
}
