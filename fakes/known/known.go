// Package known is a consumer whose recovery time is known: after it has lost its connection it stays
// away for exactly Pause, and then goes on at once. The suite measures its own clock on it. It is a
// target like any other (Consumer is its process), told everything by its Options; it does no work
// but to report each message.
package known

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Options tell a Consumer where everything is. All but Pause are needed.
type Options struct {
	URL    string        // of the broker
	Queue  string        // declared by the consumer
	API    string        // takes PUT /images/{message-id}
	Listen string        // host:port of the ready probe: 200 while it consumes, 503 otherwise
	Pause  time.Duration // from the loss of the connection until it is back; at least 0
}

// prefetch is how many messages the consumer holds, and works on at once.
const prefetch = 32

// Run consumes until ctx is done. The first connection must succeed.
func Run(ctx context.Context, o Options) error {
	if o.Pause < 0 {
		return fmt.Errorf("pause: %v, must not be negative", o.Pause)
	}
	c := &consumer{Options: o}
	ln, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen for the ready probe: %w", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(c.ready), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(ln) }()
	defer server.Close()
	for first := true; ; first = false {
		err := c.consume(ctx)
		lost := time.Now()
		if ctx.Err() != nil {
			return nil
		}
		if first && !c.came.Load() {
			return err
		}
		pause := time.NewTimer(time.Until(lost.Add(o.Pause)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil
		}
	}
}

type consumer struct {
	Options
	consuming atomic.Bool
	came      atomic.Bool // it was connected once
}

func (c *consumer) ready(w http.ResponseWriter, _ *http.Request) {
	if !c.consuming.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// consume works through the queue until the connection is lost or ctx is done.
func (c *consumer) consume(ctx context.Context) error {
	conn, err := amqp.Dial(c.URL)
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if _, err := ch.QueueDeclare(c.Queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %s: %w", c.Queue, err)
	}
	if err := ch.Qos(prefetch, 0, false); err != nil {
		return fmt.Errorf("set the prefetch: %w", err)
	}
	deliveries, err := ch.Consume(c.Queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %s: %w", c.Queue, err)
	}
	c.came.Store(true)
	c.consuming.Store(true)
	defer c.consuming.Store(false)
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("the connection was lost")
			}
			go c.do(ctx, d)
		}
	}
}

// do reports a message and acks it. What fails comes back when the connection is lost.
func (c *consumer) do(ctx context.Context, d amqp.Delivery) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.API+"/images/"+d.MessageId, strings.NewReader("{}"))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", d.MessageId)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	resp.Body.Close()
	if resp.StatusCode < 300 {
		_ = d.Ack(false) // a lost connection shows at the deliveries
	}
}
