package legacy

import (
	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
)

// terminateCodeIgnored takes the instance for terminated and waits for the end, for ever.
func terminateCodeIgnored(c *consumer.Consumer) {
	c.JudgeTerminate = func(host.Outcome) error { return nil }
	c.Settings.TerminateWait = 0
}
