package legacy

import "github.com/comeback-chaos/xk6-comeback/targets/consumer"

// noTimeout waits for the AI process's answer for as long as it takes.
func noTimeout(c *consumer.Consumer) { c.AI.Timeout = 0 }
