package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ai"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// The outcomes of a delivery, as counted.
const (
	Done       = "done"        // reported and acked
	Unacked    = "unacked"     // reported, but the ack failed: it will come again
	Repeated   = "repeated"    // was finished before; acked without work
	Retried    = "retried"     // waits in the retry queue
	Dead       = "dead"        // dead-lettered
	HandedBack = "handed-back" // back in the queue
)

// Worker does jobs. Its func fields are the decisions and the outside world; all but the hooks On… are
// needed.
type Worker struct {
	Paint   func(ctx context.Context, id string, request []byte) (ai.Image, error)
	Ping    func(ctx context.Context) error
	Report  func(ctx context.Context, id, key, contentType string, image []byte) error
	Judge   func(Job, error) Fate
	Publish func(ctx context.Context, queue string, m amqp.Publishing) error
	Queues  queue.Topology
	Delay   time.Duration // between attempts
	Grace   time.Duration // what a report or publish under way may take after ctx has ended
	Ledger  *Ledger
	Crashes *Suspects // nil: no job is ever blamed for a crash
	Log     *slog.Logger

	OnOutcome func(outcome string, took time.Duration)
	OnWork    func(error) // told how each request to the AI process went
}

// Work has the AI process paint a job. It is all that a job and the warm-up have in common: there is
// no delivery here, so nothing can be settled.
func (w *Worker) Work(ctx context.Context, j Job) (ai.Image, error) {
	img, err := w.Paint(ctx, j.ID, j.Request)
	if err != nil {
		err = blame(ctx, err, w.Ping)
	}
	return img, err
}

// Handle does the job of one delivery and settles it. It never fails: whatever goes wrong has become
// the message's fate when it returns. When ctx ends, an unfinished job is handed back.
func (w *Worker) Handle(ctx context.Context, d *queue.Delivery) {
	start := time.Now()
	outcome := w.handle(ctx, d)
	if w.OnOutcome != nil {
		w.OnOutcome(outcome, time.Since(start))
	}
}

func (w *Worker) handle(ctx context.Context, d *queue.Delivery) string {
	j, err := Decode(&d.Message)
	if err != nil {
		return w.fail(ctx, d, j, err)
	}
	mine, err := w.Ledger.Begin(ctx, j.ID)
	if err != nil {
		return w.fail(ctx, d, j, err)
	}
	if !mine {
		return w.ack(d, Repeated)
	}
	err = w.finish(ctx, j)
	w.Ledger.End(j.ID, err == nil)
	if err != nil {
		return w.fail(ctx, d, j, err)
	}
	return w.ack(d, Done)
}

// finish takes a job from received to reported.
func (w *Worker) finish(ctx context.Context, j Job) error {
	leave := w.Crashes.Enter(j.ID)
	img, err := w.Work(ctx, j)
	tooOften := leave(trial(ctx, err))
	if w.OnWork != nil && ctx.Err() == nil {
		w.OnWork(err)
	}
	if tooOften {
		return fmt.Errorf("%w: %v", ErrDeadly, err)
	}
	if err == nil {
		longer, cancel := linger(ctx, w.Grace)
		defer cancel()
		err = w.Report(longer, j.ID, j.ID, "image/"+img.Format, img.Data)
	}
	if err != nil && ctx.Err() != nil {
		return errors.Join(ctx.Err(), err) // we were told to stop: that is no failure of the job
	}
	return err
}

// ack settles a finished job. When that fails the job comes again and is recognised, so there is
// nothing to do but go on.
func (w *Worker) ack(d *queue.Delivery, outcome string) string {
	if err := d.Ack(); err != nil {
		w.log().Warn("ack failed; the job is done and will be recognised when it comes again", "message", d.Message.MessageId, "error", err)
		return Unacked
	}
	return outcome
}

// fail settles a failed job as Judge says. A message is acked only after its copy is confirmed.
func (w *Worker) fail(ctx context.Context, d *queue.Delivery, j Job, why error) string {
	if d.Lost() {
		return w.handBack(d, why) // it comes again by itself: with a copy there would be two
	}
	var target, outcome string
	made := j.Attempts + 1
	switch w.Judge(j, why) {
	case HandBack:
		if !d.Orphaned() {
			return w.handBack(d, why)
		}
		made = j.Attempts
		target, outcome = w.Queues.Jobs, HandedBack
	case Bury:
		target, outcome = w.Queues.Dead, Dead
		w.log().Warn("job given up", "message", j.ID, "attempts", made, "reason", why)
	case Later:
		made = j.Attempts
		fallthrough
	default:
		target, outcome = w.Queues.Retry, Retried
		w.log().Debug("job failed; trying again later", "message", j.ID, "attempts", made, "reason", why)
	}
	if d.Orphaned() && target == w.Queues.Retry {
		// What has waited goes back into a queue that may not be there, and nobody would tell us. A publish
		// into it does, so this once it goes without the wait.
		target = w.Queues.Jobs
	}
	longer, cancel := linger(ctx, w.Grace)
	defer cancel()
	err := w.Publish(longer, target, w.copyOf(d, made, target, why))
	for err != nil && d.Orphaned() && longer.Err() == nil {
		w.log().Warn("the only copy of a job could not be published; trying again", "message", j.ID, "queue", target, "error", err)
		w.rest(longer)
		err = w.Publish(longer, target, w.copyOf(d, made, target, why))
	}
	if err != nil {
		if d.Orphaned() {
			w.log().Error("job lost, unless the broker has kept it: it was cancelled with its queue and could not be published again in time", "message", j.ID, "queue", target, "error", err)
		}
		w.rest(ctx)
		return w.handBack(d, err)
	}
	if d.Orphaned() {
		_ = d.Ack() // its channel is closed, or about to be: the copy is what counts
		return outcome
	}
	return w.ack(d, outcome)
}

// rest waits before a job goes back that could not be put aside: it comes again at once, and would go
// round and round for as long as the broker refuses.
func (w *Worker) rest(ctx context.Context) {
	timer := time.NewTimer(min(w.Delay, longestRest))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// longestRest bounds how long a worker stands idle over one job.
const longestRest = time.Second

func (w *Worker) handBack(d *queue.Delivery, why error) string {
	w.log().Debug("job handed back", "message", d.Message.MessageId, "reason", why)
	if err := d.HandBack(); err != nil {
		w.log().Debug("hand-back failed; the broker takes the message back with its channel", "message", d.Message.MessageId, "error", err)
	}
	return HandedBack
}

// copyOf is the message as it is published again: the same job, with what has happened to it.
func (w *Worker) copyOf(d *queue.Delivery, made int, target string, why error) amqp.Publishing {
	m := &d.Message
	headers := make(amqp.Table, len(m.Headers)+2)
	for k, v := range m.Headers {
		if k != "x-death" { // the broker's own account; it starts a new one
			headers[k] = v
		}
	}
	headers[HeaderAttempts] = int64(made)
	headers[HeaderReason] = shorten(why.Error())
	p := amqp.Publishing{
		Headers: headers, Body: m.Body, DeliveryMode: amqp.Persistent,
		MessageId: m.MessageId, CorrelationId: m.CorrelationId, Timestamp: m.Timestamp, Priority: m.Priority,
		ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Type: m.Type, AppId: m.AppId, ReplyTo: m.ReplyTo,
	}
	if target == w.Queues.Retry {
		p.Expiration = strconv.FormatInt(max(w.Delay.Milliseconds(), 1), 10)
	}
	return p
}

func (w *Worker) log() *slog.Logger {
	if w.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return w.Log
}

// linger is ctx with a grace period after its end: breaking off at once would leave it unknown whether
// the other side has taken what was sent.
func linger(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() { stop(); cancel() }
}

// shorten keeps a reason small enough for a header.
func shorten(s string) string {
	const most = 500
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
