package legacy

import "github.com/comeback-chaos/xk6-comeback/targets/consumer"

// restartOnce takes the first restart that fails for the last word.
func restartOnce(c *consumer.Consumer) { c.Settings.RestartAttempts = 1 }
