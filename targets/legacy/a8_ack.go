package legacy

import (
	"context"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// throwOnAck lets a failed ack fly out of the handler, where it ends consuming. Nobody hears of it:
// process and connection live on.
func throwOnAck(c *consumer.Consumer) {
	thrown := make(chan struct{})
	throw := sync.OnceFunc(func() { close(thrown) })
	var asking sync.Mutex // a channel answers one question at a time
	source, handle := c.Source, c.Handle
	c.Source = sourceFunc(func(ctx context.Context, to func(*queue.Delivery)) error {
		inner, stop := context.WithCancel(ctx)
		defer stop()
		go func() {
			select {
			case <-thrown:
				stop()
			case <-inner.Done():
			}
		}()
		err := source.Run(inner, to)
		_, _ = c.Link.Channel(ctx)
		<-ctx.Done()
		return err
	})
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		if ch := d.Channel(); ch != nil {
			d.Message.Acknowledger = &strict{ch, c.Settings.Queue, &asking, throw}
		}
		handle(ctx, d)
	}
}

type sourceFunc func(context.Context, func(*queue.Delivery)) error

func (f sourceFunc) Run(ctx context.Context, handle func(*queue.Delivery)) error {
	return f(ctx, handle)
}

// strict is a channel whose acks fail when the channel fails at them: it asks the broker something
// after each, as an ack on a connection that has just been cut gives no error by itself.
type strict struct {
	*amqp.Channel
	queue  string
	asking *sync.Mutex
	throw  func()
}

func (s *strict) Ack(tag uint64, multiple bool) error {
	err := s.Channel.Ack(tag, multiple)
	if err == nil {
		s.asking.Lock()
		defer s.asking.Unlock()
		_, err = s.QueueDeclarePassive(s.queue, true, false, false, false, nil)
	}
	if err != nil {
		s.throw()
	}
	return err
}
