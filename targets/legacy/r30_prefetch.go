package legacy

import (
	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// prefetchOne takes the next job only when the broker has seen the ack of the last one.
func prefetchOne(c *consumer.Consumer) { c.Source.(*queue.Source).Prefetch = 1 }
