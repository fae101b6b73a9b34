package legacy

import (
	"context"
	"errors"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// deafToCancel does not listen for the broker's basic.cancel: the channel is open, so all seems well.
func deafToCancel(c *consumer.Consumer) {
	final(c, func(why error) bool { return errors.Is(why, queue.ErrCancelled) })
}

// handsBack gives back what it holds when it is cancelled, to a queue that is not there any more.
func handsBack(c *consumer.Consumer) {
	c.Source.(*queue.Source).Keep = func(error) bool { return false }
}

// dropsWork does not report what it was working on when it was cancelled: it counts on the broker to deliver
// that again, as after a lost channel. What it had not begun, it does.
func dropsWork(c *consumer.Consumer) {
	type orphan struct{}
	handle, report := c.Handle, c.Worker.Report
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		if !d.Orphaned() {
			ctx = context.WithValue(ctx, orphan{}, d)
		}
		handle(ctx, d)
	}
	c.Worker.Report = func(ctx context.Context, id, key, contentType string, image []byte) error {
		if d, ok := ctx.Value(orphan{}).(*queue.Delivery); ok && d.Orphaned() {
			return nil
		}
		return report(ctx, id, key, contentType, image)
	}
}

// declaresOnce declares its queue when it starts, and takes it to be there from then on.
func declaresOnce(c *consumer.Consumer) {
	source := c.Source.(*queue.Source)
	var once sync.Once
	source.Declare = func(ch *amqp.Channel) (err error) {
		once.Do(func() { err = source.Topology.Declare(ch) })
		return err
	}
}
