package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/load"
)

var messagesKind = Kind{
	Name: "messages", Args: []string{"kind"},
	Doc: "puts messages out of the ordinary into the target's queue, all at once",
	Does: `Submits them beside the load, over its connection. In effect once one of them was delivered to the target, expiring
ones once they are in the dead-letter queue; healed, no more come; gone once each of them has come to its end: it had its effect, or
is in the dead-letter queue if a correct target gives it up.`,
	Correct: `Does the jobs that can be done, whatever their size and number, without holding more of them than its prefetch; urgent
ones first where the queue has priorities; dead-letters what can never be done, once, without harm to the others.`,
	Needs: "For malformed, anonymous, poison and expiring ones: a target with a dead-letter queue.",
	New:   func() Fault { return &Messages{} },
}

// Messages puts a batch of messages into the target's queue. Healed, no more of them come: those that
// are there go their way.
type Messages struct {
	Kind       string          `json:"kind" doc:"'plain', 'large', 'malformed' (seven forms in turn), 'anonymous' (no message-id), 'poison' (the prompt holds 'poison pill', for a rule of the AI worker to match) or 'expiring'"`
	Count      int             `json:"count" doc:"how many, 1 to 100000; default 1"`
	Priority   uint8           `json:"priority" doc:"of plain: 1 to 255; 0: none is given"`
	Size       int             `json:"size" doc:"of large: bytes of the body, 1000 to 30000000; default 10000000"`
	Expiration script.Duration `json:"expiration" doc:"of expiring: how long each may wait in its queue, whole milliseconds"`
}

// doomedKinds are those that a correct target gives up.
var doomedKinds = []string{"malformed", "anonymous", "poison", "expiring"}

const (
	messagesMost  = 100_000
	sizeDefault   = 10_000_000
	sizeLeast     = 1000
	sizeMost      = 30_000_000
	messagePeriod = 20 * time.Millisecond // between two looks for messages that have come to their end
)

// bodies make the n-th body of a kind.
var bodies = map[string]func(f *Messages, n uint64) []byte{
	"plain":     func(*Messages, uint64) []byte { return []byte(`{"prompt":"a cat on a bicycle"}`) },
	"anonymous": func(*Messages, uint64) []byte { return []byte(`{"prompt":"a cat without a name"}`) },
	"expiring":  func(*Messages, uint64) []byte { return []byte(`{"prompt":"a cat before noon"}`) },
	"poison":    func(*Messages, uint64) []byte { return []byte(`{"prompt":"a poison pill"}`) },
	"malformed": func(_ *Messages, n uint64) []byte { return malformed[n%uint64(len(malformed))] },
	"large":     func(f *Messages, _ uint64) []byte { return largeBody(f.Size) },
}

// malformed are the forms in which a body can be no job.
var malformed = [][]byte{
	[]byte("a cat on a bicycle"),
	[]byte(`{"prompt":"a cat on a bi`),
	[]byte(`{"steps":20}`),
	[]byte(`{"prompt":20}`),
	[]byte(`["a cat on a bicycle"]`),
	{},
	{0x89, 'P', 'N', 'G', 0, 0xff, 0xfe, '{'},
}

// largeBody is an image-to-image job: most of it is the picture to begin with.
func largeBody(size int) []byte {
	const head, tail = `{"prompt":"a cat on a bicycle","init_images":["`, `"]}`
	return []byte(head + strings.Repeat("A", size-len(head)-len(tail)) + tail)
}

// Inject implements Fault.
func (f *Messages) Inject(_ context.Context, lab Lab) (Injected, error) {
	if err := f.check(lab); err != nil {
		return Injected{}, err
	}
	b := &batch{lab: lab, anonymous: f.Kind == "anonymous", mine: map[history.MsgID]bool{}, met: map[history.MsgID]bool{}, touched: make(chan struct{})}
	target := ofTarget(lab)
	b.seen = lab.Watch(func(e *history.Event) bool {
		if e.Kind == history.Deliver && target(lab.Role(e.Conn)) {
			b.deliver(e.Msg)
		}
		return false
	})
	doomed := slices.Contains(doomedKinds, f.Kind)
	props := load.Props{Priority: f.Priority, Expiration: time.Duration(f.Expiration), Anonymous: b.anonymous, Doomed: doomed}
	for n := range uint64(f.Count) {
		id, err := lab.Submit(bodies[f.Kind](f, lab.Seed()+n), props)
		if err != nil {
			b.seen.Close()
			return Injected{}, fmt.Errorf("message %d of %d: %w", n+1, f.Count, err)
		}
		b.add(id)
	}
	inEffect, gone := b.delivered, b.done
	if doomed {
		gone = b.buried
	}
	if f.Kind == "expiring" {
		inEffect = b.buried
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer b.seen.Close()
			return inEffect(ctx)
		},
		Heal: func(context.Context) error {
			b.seen.Close()
			return nil
		},
		Gone: gone,
	}, nil
}

func (f *Messages) check(lab Lab) error {
	if f.Count == 0 {
		f.Count = 1
	}
	if f.Size == 0 && f.Kind == "large" {
		f.Size = sizeDefault
	}
	switch _, known := bodies[f.Kind]; {
	case !known:
		return fmt.Errorf("kind: %q, want one of %s", f.Kind, strings.Join(slices.Sorted(maps.Keys(bodies)), ", "))
	case f.Count < 1 || f.Count > messagesMost:
		return fmt.Errorf("count: %d, want 1 to %d", f.Count, messagesMost)
	case f.Priority > 0 && f.Kind != "plain":
		return fmt.Errorf("priority: %d has no meaning with kind: %q", f.Priority, f.Kind)
	case f.Kind == "large" && (f.Size < sizeLeast || f.Size > sizeMost):
		return fmt.Errorf("size: %d, want %d to %d bytes", f.Size, sizeLeast, sizeMost)
	case f.Kind != "large" && f.Size != 0:
		return fmt.Errorf("size: %d has no meaning with kind: %q", f.Size, f.Kind)
	case (f.Kind == "expiring") != (f.Expiration > 0) || f.Expiration < 0:
		return fmt.Errorf("expiration: %v, want one above 0 with kind: \"expiring\" and none otherwise", time.Duration(f.Expiration))
	case lab.Dead() == "" && slices.Contains(doomedKinds, f.Kind):
		return fmt.Errorf("kind: %q: the target has no dead-letter queue (comeback.yaml), so that no message can end there", f.Kind)
	}
	return nil
}

// batch follows the messages of one fault. It may not lock while it submits: whoever calls deliver
// holds the history's lock, and submitting takes that.
type batch struct {
	lab       Lab
	seen      Watch
	anonymous bool
	touched   chan struct{} // closed when one of them was delivered

	mu   sync.Mutex
	mine map[history.MsgID]bool
	met  map[history.MsgID]bool // delivered before it was known whose they are
	hit  bool
}

func (b *batch) deliver(id history.MsgID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hit {
		return
	}
	b.met[id] = true
	b.touch(b.mine[id] || b.anonymous && id == 0)
}

func (b *batch) add(id history.MsgID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mine[id] = true
	b.touch(!b.hit && b.met[id])
}

// touch notes that one was delivered. The lock must be held.
func (b *batch) touch(is bool) {
	if is {
		b.hit, b.met = true, nil
		close(b.touched)
	}
}

func (b *batch) delivered(ctx context.Context) (string, error) {
	if err := closed(ctx, b.touched); err != nil {
		return "", fmt.Errorf("waiting until one of %d messages is delivered to the target: %w", len(b.mine), err)
	}
	return fmt.Sprintf("one of %d messages was delivered to the target", len(b.mine)), nil
}

// done waits until each had its effect. It looks for one after the other: there may be a hundred thousand.
func (b *batch) done(ctx context.Context) (string, error) {
	open := slices.Sorted(maps.Keys(b.mine))
	err := every(ctx, messagePeriod, func() error {
		for len(open) > 0 && b.lab.API().Effects(open[0].String()) > 0 {
			open = open[1:]
		}
		if len(open) == 0 {
			return nil
		}
		return fmt.Errorf("at most %d of %d messages had no effect yet, such as %s", len(open), len(b.mine), open[0])
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("each of %d messages had its effect", len(b.mine)), nil
}

// buried waits until all that was ever submitted to be given up is in the dead-letter queue: in whose
// place a message lies there is seen at the end of the run only.
func (b *batch) buried(ctx context.Context) (string, error) {
	err := every(ctx, messagePeriod, func() error {
		if b.lab.Buried(ctx) {
			return nil
		}
		return errors.New("the dead-letter queue does not hold all the messages that had to end there")
	})
	if err != nil {
		return "", err
	}
	return "the dead-letter queue holds all the messages that had to end there", nil
}

// every looks until look is content or ctx ends.
func every(ctx context.Context, period time.Duration, look func() error) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		err := look()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
