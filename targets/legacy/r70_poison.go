package legacy

import "github.com/comeback-chaos/xk6-comeback/targets/consumer"

// neverItsFault takes every crash of the AI process for bad luck: the job that brings it about comes
// again and again.
func neverItsFault(c *consumer.Consumer) { c.Worker.Crashes = nil }
