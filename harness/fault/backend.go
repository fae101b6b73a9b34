package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

// Backend is one of the servers behind a target that answers requests.
type Backend interface {
	// Name is its process's, and its ledger's: "backend/0"; the target calls it by its Label: "backend-0".
	Name() string
	Label() string
	// Spec is how it works.
	Spec() server.Spec
	// Addr is where its process listens; the target knows it by URL.
	Addr() string
	URL() string
	// Remote takes the rules by which it misbehaves. A real server takes none, which is an error.
	Remote() (*upstream.Remote, error)
	// Launch starts its process unless it runs; Start returns when it listens.
	Launch() error
	Start(ctx context.Context) error
	// Stop asks its process to end, and kills it when it does not; Kill does so at once.
	Stop(ctx context.Context) error
	Kill()
	// Done is closed when its process has ended, or none was ever started; Ending then tells how: "exit 3",
	// and what it printed last.
	Done() <-chan struct{}
	Ending() string
}

var backendKind = Kind{
	Name: "backend",
	Args: []string{"rules"},
	Of:   Requests,
	Doc:  "makes a backend misbehave",
	Does: `Gives one of the servers behind the target rules for requests, for health checks and for its boot: it answers errors,
hangs, gets slow, cuts or resets connections, sends half an answer, dies, or lives on without doing anything. In effect once each
rule has acted; gone once it has answered a request well again.`,
	Correct: `Has no more requests answered by it than it takes to notice, says what it noticed, and lets it back in once it is well; the
other backends do its work, and nobody waits longer for it.`,
	New: func() Fault { return &BackendRules{} },
}

// BackendRules makes one backend misbehave by rules; the first whose turn it is acts.
type BackendRules struct {
	Rules   []upstream.Rule `json:"rules" doc:"at least one: {on, match, do, status, delay, rate, mb, part, within, nth, times}; index.d.ts tells their values"`
	Backend int             `json:"backend" doc:"which one, from 0"`
}

// Inject implements Fault.
func (f *BackendRules) Inject(ctx context.Context, lab Lab) (Injected, error) {
	b, err := backendOf(lab, f.Backend)
	if err != nil {
		return Injected{}, err
	}
	return misbehave(ctx, lab, b, f.Rules)
}

// misbehave gives an upstream rules.
func misbehave(ctx context.Context, lab Lab, b Backend, rules []upstream.Rule) (Injected, error) {
	if len(rules) == 0 {
		return Injected{}, errors.New("rules: none: it wants at least one, such as {do: \"fail\"}")
	}
	remote, err := b.Remote()
	if err != nil {
		return Injected{}, err
	}
	var armed []*upstream.Armed
	disarm := func(ctx context.Context) error {
		var errs []error
		for _, a := range armed {
			errs = append(errs, a.Remove(ctx))
		}
		return errors.Join(errs...)
	}
	for _, r := range rules {
		a, err := remote.Add(ctx, r)
		if err != nil {
			return Injected{}, errors.Join(err, disarm(ctx))
		}
		armed = append(armed, a)
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) { return acted(ctx, b.Name(), armed) },
		Spent:    spentRules(b.Name(), armed, func(n int) int { return rules[n].Times }),
		Heal: func(ctx context.Context) error {
			if err := disarm(ctx); err != nil {
				return err
			}
			return b.Start(ctx) // it may have died of it
		},
		Gone: func(ctx context.Context) (string, error) { return givesAgain(ctx, lab, b) },
	}, nil
}

var backendDownKind = Kind{
	Name: "backendDown",
	Of:   Requests,
	Doc:  "kills a backend and leaves it dead",
	Does: `Waits until the backend takes a request, since one that is out of rotation anyway shows nothing, and ends the process
with SIGKILL, in the middle of the requests that it has. In effect once it refuses connections and the target was asked for
something since; healed, it is started, and gone once it has answered a request well again.`,
	Correct: `Answers all the same: what is safe to ask for twice is asked of another backend, the rest fails once and at once. Lets
the backend back in once it is well.`,
	New: func() Fault { return &BackendDown{} },
}

// BackendDown kills a backend and leaves it dead.
type BackendDown struct {
	Backend int `json:"backend" doc:"which one, from 0"`
}

// Inject implements Fault.
func (f *BackendDown) Inject(ctx context.Context, lab Lab) (Injected, error) {
	b, err := backendOf(lab, f.Backend)
	if err != nil {
		return Injected{}, err
	}
	release, err := lab.Claim("the process of " + b.Name())
	if err != nil {
		return Injected{}, err
	}
	if err := takes(ctx, lab, b); err != nil {
		release()
		return Injected{}, err
	}
	b.Kill()
	asked := lab.Watch(func(e *history.Event) bool { return e.Kind == history.Offer })
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer asked.Close()
			refusal := refuses(b)
			if refusal == nil {
				return "", fmt.Errorf("%s still listens", b.Name())
			}
			if !errors.Is(refusal, syscall.ECONNREFUSED) {
				return "", fmt.Errorf("asking whether %s listens: %w", b.Name(), refusal)
			}
			if _, err := asked.Next(ctx); err != nil {
				return "", fmt.Errorf("waiting until the target is asked for something while %s is down: %w", b.Name(), err)
			}
			return fmt.Sprintf("the target was asked for something while %s does not answer: %v", b.Name(), refusal), nil
		},
		Heal: func(ctx context.Context) error {
			asked.Close()
			if err := b.Start(ctx); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) { return givesAgain(ctx, lab, b) },
	}, nil
}

// refuses gives what a connection to a backend ends in, nil when it listens.
func refuses(b Backend) error {
	conn, err := net.DialTimeout("tcp", b.Addr(), time.Second) // loopback: it takes no time
	if err != nil {
		return err
	}
	return conn.Close()
}

func backendOf(lab Lab, n int) (Backend, error) {
	all := lab.Backends()
	if n < 0 || n >= len(all) {
		return nil, fmt.Errorf("backend: %d, want one from 0 to %d", n, len(all)-1)
	}
	return all[n], nil
}

// takes waits until a backend takes a request: it is in rotation, and what happens to it now concerns somebody.
func takes(ctx context.Context, lab Lab, b Backend) error {
	taken := lab.Watch(func(e *history.Event) bool { return e.Kind == history.Take && e.Who == b.Name() })
	defer taken.Close()
	if _, err := taken.Next(ctx); err != nil {
		return fmt.Errorf("waiting until %s takes a request, so that the fault concerns one: %w: look in its log and the target's why the load does not get there", b.Name(), err)
	}
	return nil
}

// givesAgain waits until a backend has answered a request well.
func givesAgain(ctx context.Context, lab Lab, b Backend) (string, error) {
	gives := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.Give && e.Who == b.Name() && e.Code >= 200 && e.Code < 400
	})
	defer gives.Close()
	e, err := gives.Next(ctx)
	if err != nil {
		return "", fmt.Errorf("waiting until %s answers a request well: %w", b.Name(), err)
	}
	return fmt.Sprintf("%s answered a request with %d", b.Name(), e.Code), nil
}
