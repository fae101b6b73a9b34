package legacy

import "github.com/comeback-chaos/xk6-comeback/targets/consumer"

func alertEveryFailure(c *consumer.Consumer) {
	c.Desk.Worth = func(int) bool { return true }
}
