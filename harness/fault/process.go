package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var processKind = Kind{
	Name: "process", Args: []string{"how"},
	Doc: "kills, pauses or ends an instance of the target while it holds jobs",
	Does: `Waits until the instance holds a delivery that it has not settled, or is about to ack one, and strikes then: SIGKILL,
SIGSTOP, or SIGTERM (SIGKILL after its grace period; see the check clean-exit). In effect once its connections have ended: of one
that was killed, one on which something was unsettled. One that is paused: once it has something that it cannot settle, or the broker
has given it up. Healed, it is started, or goes on; gone once it has settled a delivery again.`,
	Correct: `Loses nothing. Killed, what it held is done by others, or by its next process, and counts once. Paused for longer than its
heartbeat, it notices that its connection is gone, and what others have done meanwhile counts once. Asked to end, it finishes or hands
back what it holds, and exits with 0 in time.`,
	New: func() Fault { return &Process{} },
}

// Process kills, pauses or ends the process of one instance while it holds jobs. Injecting it takes until
// it was struck, and of one that was asked to end until it has.
type Process struct {
	How      string `json:"how" doc:"'kill', 'pause' or 'term'"`
	Instance int    `json:"instance" doc:"which of the target's, from 0"`
	Holding  int    `json:"holding" doc:"strike once it holds so many deliveries that came since and are not settled; default 1"`
	At       string `json:"at" doc:"of kill: 'ack' strikes when it acks, and the broker never gets that ack; default: see holding"`
	Until    string `json:"until" doc:"of pause, in effect once: 'held' (default) it has something that it cannot settle, 'dropped' the broker has ended its connection"`
}

// Inject implements Fault.
func (f *Process) Inject(ctx context.Context, lab Lab) (Injected, error) {
	b := blow{how: f.How, holding: f.Holding, at: f.At}
	if err := b.check(kill, pause, term); err != nil {
		return Injected{}, err
	}
	if err := f.checkUntil(); err != nil {
		return Injected{}, err
	}
	t, err := instance(lab, f.Instance)
	if err != nil {
		return Injected{}, err
	}
	release, err := lab.Claim(processOf(t))
	if err != nil {
		return Injected{}, err
	}
	h := follow(lab, t.Name())
	var ended *moment // an end before the blow is none of its effects
	b.before = func() { ended = h.when(ending(b)) }
	done, err := b.land(ctx, lab, f.Instance, t, h)
	if err != nil {
		h.close()
		release()
		return Injected{}, errors.Join(err, f.undo(context.WithoutCancel(ctx), t))
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			shows, err := f.inEffect(ctx, t, h, ended)
			if err != nil {
				return "", err
			}
			return done + ": " + shows, nil
		},
		Heal: func(ctx context.Context) error {
			h.close()
			if err := f.undo(ctx, t); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) { return settlesAgain(ctx, lab, t) },
	}, nil
}

func (f *Process) checkUntil() error {
	switch {
	case f.Until != "" && f.How != pause:
		return fmt.Errorf("until: %q has a meaning with how: %q only", f.Until, pause)
	case f.Until != "" && f.Until != "held" && f.Until != "dropped":
		return fmt.Errorf("until: %q, want \"held\" or \"dropped\"", f.Until)
	}
	return nil
}

// ending likes the end of a connection that shows the blow: one that was killed did not live to settle
// all that came over it, one that was asked to end has closed it, one that stands still had it closed.
func ending(b blow) func(e *history.Event, holds int) bool {
	return func(e *history.Event, holds int) bool {
		if e.Kind != history.ConnClose || e.Flags.Has(history.Synthetic) && b.how == pause {
			return false
		}
		switch b.how {
		case kill:
			return holds > 0 || b.at == "ack" // what it acked may have come before it was followed
		case pause:
			return e.Flags.Has(history.FromBroker)
		}
		return true
	}
}

func (f *Process) inEffect(ctx context.Context, t Target, h *held, ended *moment) (string, error) {
	if f.How != pause || f.Until == "dropped" {
		holds, err := ended.await(ctx)
		if err != nil {
			return "", fmt.Errorf("waiting until the connection of %s ends: %w", t.Name(), err)
		}
		if f.How == term {
			return "its connection ended", nil
		}
		return fmt.Sprintf("its connection ended with %d unsettled", holds), nil
	}
	holds, err := h.when(stuck()).await(ctx)
	if err != nil {
		return "", fmt.Errorf("waiting until %s has something that it cannot settle: %w", t.Name(), err)
	}
	if !t.Paused() {
		return "", fmt.Errorf("%s does not stand still any more", t.Name())
	}
	return fmt.Sprintf("it has %d that it cannot settle", holds), nil
}

// stuck likes it when an instance that stands still has something to settle: a delivery that comes now,
// or one that is still there when the queue has been looked at twice. What it had sent before has arrived
// by then.
func stuck() func(e *history.Event, holds int) bool {
	looks := 0
	return func(e *history.Event, holds int) bool {
		switch e.Kind {
		case history.Deliver, history.ConnClose:
			return holds > 0
		case history.Depth:
			if e.Flags.Has(history.Failed) {
				return false
			}
			looks++
			return looks > 1 && holds > 0
		}
		return false
	}
}

// undo starts the instance again, or lets it go on.
func (f *Process) undo(ctx context.Context, t Target) error {
	if f.How == pause {
		if err := t.Resume(); err != nil {
			return err
		}
	}
	return t.Start(ctx) // unless it runs
}

// settlesAgain waits until the instance settles a delivery.
func settlesAgain(ctx context.Context, lab Lab, t Target) (string, error) {
	settles := lab.Watch(func(e *history.Event) bool {
		switch e.Kind {
		case history.Ack, history.Nack, history.Reject:
			return e.Flags&(history.Synthetic|history.Swallowed) == 0 && lab.Role(e.Conn) == t.Name()
		}
		return false
	})
	defer settles.Close()
	e, err := settles.Next(ctx)
	if err != nil {
		return "", fmt.Errorf("waiting until %s settles a delivery again: %w", t.Name(), err)
	}
	return fmt.Sprintf("%s sent a %s", t.Name(), e.Kind), nil
}
