package legacy

import (
	"context"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// waitUnblocked works on no job while its connection is said to be blocked, though it only consumes.
func waitUnblocked(c *consumer.Consumer) {
	gate := &gate{changed: make(chan struct{})}
	c.Link.Dial = func(url string, config amqp.Config) (*amqp.Connection, error) {
		conn, err := amqp.DialConfig(url, config)
		if err == nil {
			go gate.follow(conn.NotifyBlocked(make(chan amqp.Blocking, 1)))
		}
		return conn, err
	}
	next := c.Handle
	c.Handle = func(ctx context.Context, d *queue.Delivery) {
		gate.pass(ctx)
		next(ctx, d)
	}
}

// gate is shut while a connection is blocked.
type gate struct {
	mu      sync.Mutex
	shut    bool
	changed chan struct{}
}

func (g *gate) follow(told <-chan amqp.Blocking) {
	for b := range told {
		g.set(b.Active)
	}
	g.set(false) // the connection is gone
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gate) pass(ctx context.Context) {
	for ctx.Err() == nil {
		g.mu.Lock()
		shut, changed := g.shut, g.changed
		g.mu.Unlock()
		if !shut {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}
