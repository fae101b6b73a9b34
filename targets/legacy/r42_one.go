package legacy

import (
	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// oneTry gives a job up when it fails for the first time.
func oneTry(c *consumer.Consumer) { c.Worker.Judge = job.Judge(1) }
