package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Headers of a message that was published again.
const (
	headerAttempts = "x-attempts"
	headerReason   = "x-reason"
)

// errHopeless means that no further attempt can help.
var errHopeless = errors.New("hopeless")

// job is one delivery and the session that it came by.
type job struct {
	session *session
	message amqp.Delivery
}

// worker does jobs: the AI process paints, the API server is told, and only then the message is acked.
// Should the ack get lost, the job comes again and is done again; the API server knows it by its
// Idempotency-Key, which is the message id.
type worker struct {
	settings settings
	log      *slog.Logger
	ai       aiProcess
	api      apiServer
	back     *publisher

	// alone is held for writing by a job under which the AI process went down: when it goes down
	// again, there is only one that it can have been.
	alone sync.RWMutex
}

// run does jobs until there are no more. Told to stop, it hands back what it has not begun.
func (w *worker) run(ctx context.Context, jobs <-chan job, draining <-chan struct{}) {
	for {
		select {
		case <-draining:
			return
		case j := <-jobs:
			select {
			case <-draining:
				j.session.handBack(j.message.DeliveryTag)
			default:
				w.settle(ctx, j)
			}
		}
	}
}

// settle does a job and settles its message, one way or another.
func (w *worker) settle(ctx context.Context, j job) {
	err := w.do(ctx, &j.message)
	if err == nil {
		j.session.finish(j.message.DeliveryTag)
		return
	}
	if ctx.Err() == nil { // else it was no failure of the job's: we were told to stop
		if err = w.publishAgain(ctx, &j.message, err); err == nil {
			j.session.finish(j.message.DeliveryTag) // its copy is confirmed
			return
		}
		w.log.Warn("handed back: it could not be put aside", "message", j.message.MessageId, "error", err)
		pause(ctx, w.settings.retryDelay) // or it would come again at once, and again
	}
	j.session.handBack(j.message.DeliveryTag)
}

// publishAgain puts a failed job aside for its next attempt, or to the dead letters when that was its last.
func (w *worker) publishAgain(ctx context.Context, m *amqp.Delivery, why error) error {
	n := attempts(m.Headers) + 1
	if errors.Is(why, errHopeless) || n >= w.settings.maxAttempts {
		w.log.Warn("job given up", "message", m.MessageId, "attempts", n, "reason", why)
		return w.back.publish(ctx, w.settings.dead, again(m, n, why, 0))
	}
	return w.back.publish(ctx, w.settings.retry, again(m, n, why, w.settings.retryDelay))
}

func (w *worker) do(ctx context.Context, m *amqp.Delivery) error {
	if err := check(m); err != nil {
		return fmt.Errorf("%w: %w", errHopeless, err)
	}
	image, err := w.paint(ctx, m)
	if err != nil {
		return err
	}
	return w.api.report(ctx, m.MessageId, image)
}

// check tells why a message can never become a job.
func check(m *amqp.Delivery) error {
	var body struct {
		Prompt *string `json:"prompt"`
	}
	if m.MessageId == "" {
		return errors.New("it has no message-id")
	}
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return fmt.Errorf("its body is not a JSON object with a prompt: %w", err)
	}
	if body.Prompt == nil || *body.Prompt == "" {
		return errors.New("its body has no prompt")
	}
	return nil
}

// paint waits out an AI process that is down: that is no job's fault, and all the jobs would fail. But a
// job that takes it down each time, though no other is with it, is given up.
func (w *worker) paint(ctx context.Context, m *amqp.Delivery) ([]byte, error) {
	for crashes := -1; ; { // the first one may have been another job's
		image, reached, err := w.try(ctx, m, crashes >= 0)
		if err == nil || ctx.Err() != nil || !errors.Is(err, errNoAnswer) || w.ai.ping(ctx) == nil {
			return image, err
		}
		if reached {
			crashes++
		}
		if crashes >= w.settings.maxAttempts {
			return nil, fmt.Errorf("%w: the AI process goes down during this job: %w", errHopeless, err)
		}
		for w.ai.ping(ctx) != nil && pause(ctx, 100*time.Millisecond) {
		}
	}
}

func (w *worker) try(ctx context.Context, m *amqp.Delivery, alone bool) (image []byte, reached bool, err error) {
	if alone {
		w.alone.Lock()
		defer w.alone.Unlock()
	} else {
		w.alone.RLock()
		defer w.alone.RUnlock()
	}
	return w.ai.paint(ctx, m.MessageId, m.Body)
}

// attempts reads the count from the headers; whatever cannot be one counts as none.
func attempts(h amqp.Table) int {
	n, _ := h[headerAttempts].(int64)
	return int(min(max(n, 0), 1000))
}

// pause waits, and tells whether it could to the end.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
