package legacy

import (
	"math"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// noPrefetch takes all that there is into memory, as a consumer does that sets no prefetch.
func noPrefetch(c *consumer.Consumer) { c.Source.(*queue.Source).Prefetch = math.MaxUint16 }
