package legacy

import "github.com/comeback-chaos/xk6-comeback/targets/consumer"

// sharedConnection publishes on the connection that it consumes on, to save one. Of that connection a
// broker that is short of memory or disk reads nothing any more, acks included.
func sharedConnection(c *consumer.Consumer) {
	c.Publisher.Link = c.Link
}
