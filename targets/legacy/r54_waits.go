package legacy

import (
	"math"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/report"
)

// waitsForGood waits for the API server's answer for as long as it takes.
func waitsForGood(c *consumer.Consumer) {
	c.Worker.Report = (&report.Client{URL: c.Settings.APIURL, Timeout: math.MaxInt64, Limit: c.Settings.APIRetryLimit}).Put
}
