package consumer

import (
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// channelLeft hears why a channel was left. A queue that exists with other arguments does not get well
// by itself: somebody has to hear of it.
func (c *Consumer) channelLeft(why error) {
	c.Board.Metrics.Reconnected("channel")
	if errors.Is(why, queue.ErrOtherArguments) {
		c.Desk.Raise(TitleQueue, why.Error())
	}
}

// queueFits hears that a channel consumes: the queues are what they should be.
func (c *Consumer) queueFits() {
	c.Desk.Clear(TitleQueue, "the queue has the arguments that it should have")
}
