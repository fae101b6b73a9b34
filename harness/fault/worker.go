package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var workerKind = Kind{
	Name: "worker", Args: []string{"rules"},
	Doc: "makes the AI worker misbehave",
	Does: `Gives the AI worker rules for requests, for pings and for its boot: it answers errors, garbage or half an answer, hangs,
gets slow, cuts connections, dies of memory, or does not start. In effect once each rule has acted, gone once the worker says
that the rules are out and has served a request since.`,
	Correct: `Reports no job that was not done, tries a failed one again within its limit, and looks at the AI worker's answers
rather than at its process to tell whether it is well.`,
	New: func() Fault { return &WorkerRules{} },
}

// WorkerRules makes the AI worker misbehave by rules, each for requests, for pings or for its boot. It
// is gone when the worker has said that the rules are out, and has served a request since. Of rules for
// pings and for the boot nothing more is to be seen: there may be no further ping, or boot.
type WorkerRules struct {
	Rules []aiworker.Rule `json:"rules" doc:"at least one: {on, match, do, status, factor, delay, nth, times}; index.d.ts tells their values"`
}

// Inject implements Fault. It is in effect once each rule has acted.
func (f *WorkerRules) Inject(ctx context.Context, lab Lab) (Injected, error) {
	if len(f.Rules) == 0 {
		return Injected{}, errors.New("rules: none: it wants at least one, such as {on: \"request\", do: \"fail\"}")
	}
	var armed []*aiworker.Armed
	disarm := func(ctx context.Context) error {
		var errs []error
		for _, a := range armed {
			errs = append(errs, a.Remove(ctx))
		}
		return errors.Join(errs...)
	}
	for _, r := range f.Rules {
		a, err := lab.Worker().Remote().Add(ctx, r)
		if err != nil {
			return Injected{}, errors.Join(err, disarm(ctx))
		}
		armed = append(armed, a)
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			return acted(ctx, "AI worker", armed)
		},
		Spent: spentRules("AI worker", armed, func(n int) int { return f.Rules[n].Times }),
		Heal:  disarm,
		Gone: func(ctx context.Context) (string, error) {
			return served(ctx, lab.Worker(), "the rules are out, and the AI worker served a request")
		},
	}, nil
}

var workerDownKind = Kind{
	Name: "workerDown",
	Doc:  "kills the AI worker and leaves it dead",
	Does: `Ends the process with SIGKILL. In effect once it refuses a request and the target has shown that it misses it, gone
once it has served a request again; healed, it is started by hand.`,
	Correct: "Keeps the jobs for later, alerts once, has it restarted, and goes on by itself once it is back.",
	New:     func() Fault { return &WorkerDown{} },
}

// WorkerDown kills the AI worker and leaves it dead. Healed, it is started again, as somebody would
// do by hand, unless it serves already: a hook of the target's may have restarted it.
type WorkerDown struct{}

// Inject implements Fault. It is in effect once the worker refuses a request of the lab's own and, after
// the kill, the target has shown that it misses it: see missesWorker.
func (f *WorkerDown) Inject(_ context.Context, lab Lab) (Injected, error) {
	missed := lab.Watch(missesWorker(lab))
	if err := lab.Worker().Kill(); err != nil {
		missed.Close()
		return Injected{}, err
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer missed.Close()
			refusal := lab.Worker().Serve(ctx)
			if refusal == nil {
				return "", errors.New("the AI worker still answers")
			}
			e, err := missed.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until the target misses its AI worker: %w", err)
			}
			return fmt.Sprintf("%s by the target while the AI worker does not answer: %v", e.Kind, refusal), nil
		},
		Heal: func(ctx context.Context) error {
			missed.Close()
			return lab.Worker().Revive(ctx)
		},
		Gone: func(ctx context.Context) (string, error) {
			return served(ctx, lab.Worker(), "the AI worker served a request")
		},
	}, nil
}

// missesWorker likes what a target does that has lost its AI worker: it is given a message that it cannot
// work on, or hands one back, stops consuming, or calls for help. Only what comes after the end of the
// worker's process counts. A watch asks in the order of events, so the state needs no lock.
func missesWorker(lab Lab) func(*history.Event) bool {
	target := ofTarget(lab)
	dead := false
	return func(e *history.Event) bool {
		switch e.Kind {
		case history.ProcExit:
			dead = dead || e.Who == aiworker.Role
		case history.Deliver, history.Nack, history.Reject, history.Cancel:
			return dead && target(lab.Role(e.Conn))
		case history.HookCall:
			return dead
		case history.Alert:
			return dead && !e.Flags.Has(history.AllClear)
		}
		return false
	}
}

// servePeriod is how often the AI worker is asked whether it serves again.
const servePeriod = 50 * time.Millisecond

// served waits until the AI worker answers one request of the lab's own, and gives what that shows.
func served(ctx context.Context, w Worker, shows string) (string, error) {
	tick := time.NewTicker(servePeriod)
	defer tick.Stop()
	for {
		err := w.Serve(ctx)
		if err == nil {
			return shows, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("waiting until the AI worker serves: %w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
