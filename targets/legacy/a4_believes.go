package legacy

import "github.com/comeback-chaos/xk6-comeback/targets/consumer"

// believesAccepted waits for the end that exit code 0 has promised, for as long as it takes.
func believesAccepted(c *consumer.Consumer) { c.Settings.TerminateWait = 0 }
