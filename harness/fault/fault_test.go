package fault

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// notebook is a Lab that only takes notes.
type notebook struct {
	Lab
	mu     sync.Mutex
	events []history.Event
}

func (n *notebook) Record(e *history.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, *e)
}

func (n *notebook) kinds() []history.Kind {
	n.mu.Lock()
	defer n.mu.Unlock()
	var kinds []history.Kind
	for _, e := range n.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// noop is a fault whose effect and end come when the test says so.
type noop struct {
	touch, pass chan struct{}
	times       chan struct{} // closed when it has acted so often; nil: no number
	injectErr   error
	healErr     error
	healed      int
}

func newNoop() *noop { return &noop{touch: make(chan struct{}), pass: make(chan struct{})} }

func (f *noop) Inject(context.Context, Lab) (Injected, error) {
	if f.injectErr != nil {
		return Injected{}, f.injectErr
	}
	wait := func(ch chan struct{}) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			select {
			case <-ch:
				return "seen", nil
			case <-ctx.Done():
				return "", context.Cause(ctx)
			}
		}
	}
	in := Injected{
		InEffect: wait(f.touch),
		Heal: func(ctx context.Context) error {
			f.healed++
			if err := ctx.Err(); err != nil {
				return err
			}
			return f.healErr
		},
		Gone: wait(f.pass),
	}
	if f.times != nil {
		in.Spent = func(ctx context.Context) error {
			_, err := wait(f.times)(ctx)
			return err
		}
	}
	return in, nil
}

// TestOrder walks at random over what can be done with a fault, and holds what is recorded against
// the one order there is.
func TestOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		walk := rapid.SliceOfN(rapid.SampledFrom([]string{"touch", "pass", "heal", "cancel"}), 1, 8).Draw(rt, "walk")
		synctest.Test(t, func(t *testing.T) {
			lab, f := &notebook{}, newNoop()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			a, err := Start(ctx, lab, 1, Spec{Fault: "noop"}, f)
			require.NoError(rt, err)
			var want []history.Kind
			want = append(want, history.Inject)
			var touched, passed, healed, cancelled bool
			for _, step := range walk {
				switch step {
				case "touch":
					if !touched {
						close(f.touch)
						if !cancelled && !(healed && passed) {
							want = append(want, history.InEffect)
						}
					}
					touched = true
				case "pass":
					if !passed {
						close(f.pass)
						if healed && !cancelled {
							want = append(want, history.Gone)
						}
					}
					passed = true
				case "heal":
					err := a.Heal(ctx)
					if healed {
						require.ErrorIs(rt, err, ErrTwice)
						break
					}
					require.NoError(rt, err, "a heal works after the run was cancelled, too")
					want = append(want, history.Heal)
					if passed && !cancelled {
						want = append(want, history.Gone)
					}
					healed = true
				case "cancel":
					cancelled = true
					cancel()
				}
				synctest.Wait()
			}
			if healed {
				require.Equal(rt, 1, f.healed)
			}
			// A select between "seen" and "cancelled" may go either way when both are there.
			got := lab.kinds()
			if cancelled {
				got = slices.DeleteFunc(got, late)
				want = slices.DeleteFunc(want, late)
			}
			require.Equal(rt, want, got)
		})
	})
}

func late(k history.Kind) bool { return k == history.Gone || k == history.InEffect }

func TestStartThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	lab := &notebook{}
	_, err := Start(t.Context(), lab, 1, Spec{Fault: "noop", Params: json.RawMessage(`{"a":1}`)}, &noop{injectErr: errors.New("boom")})
	require.EqualError(t, err, `inject noop {"a":1}: boom`)
}

func TestHealThatFailsIsAnOutlivedFault(t *testing.T) {
	t.Parallel()
	lab, f := &notebook{}, newNoop()
	f.healErr = errors.New("stuck")
	a, err := Start(t.Context(), lab, 1, Spec{Fault: "noop"}, f)
	require.NoError(t, err)
	_, err = a.Gone(t.Context())
	require.ErrorIs(t, err, ErrNotHealed)
	require.ErrorContains(t, a.Heal(t.Context()), "stuck")
	_, err = a.Gone(t.Context())
	require.EqualError(t, err, "fault noop was not seen to be gone: heal noop: stuck")
	_, err = a.InEffect(t.Context())
	require.ErrorContains(t, err, "stuck")
	require.Equal(t, []history.Kind{history.Inject, history.Outlived}, lab.kinds())
}

func TestInEffectIsGivenUpOnceItIsGone(t *testing.T) {
	t.Parallel()
	lab, f := &notebook{}, newNoop()
	a, err := Start(t.Context(), lab, 1, Spec{Fault: "noop"}, f)
	require.NoError(t, err)
	require.NoError(t, a.Heal(t.Context()))
	close(f.pass)
	_, err = a.InEffect(t.Context())
	require.ErrorIs(t, err, errUntouched)
	require.Equal(t, []history.Kind{history.Inject, history.Heal, history.Gone}, lab.kinds())
}

// TestGoneHasUntilTheRunEnds: a burst of 20,000 jobs was gone 31 s after its heal, on a slow machine.
func TestGoneHasUntilTheRunEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		runEnds time.Duration
		want    []history.Kind
	}{
		"within the run": {2 * time.Minute, []history.Kind{history.Inject, history.Heal, history.Gone}},
		"after it":       {time.Minute / 2, []history.Kind{history.Inject, history.Heal}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.runEnds)
				defer cancel()
				lab, f := &notebook{}, newNoop()
				a, err := Start(ctx, lab, 1, Spec{Fault: "noop"}, f)
				require.NoError(t, err)
				require.NoError(t, a.Heal(ctx))
				time.Sleep(time.Minute)
				close(f.pass)
				synctest.Wait()
				require.Equal(t, c.want, lab.kinds())
			})
		})
	}
}

func TestInEffectGivesUpWithTheCaller(t *testing.T) {
	t.Parallel()
	a, err := Start(t.Context(), &notebook{}, 1, Spec{Fault: "noop"}, newNoop())
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the iteration ended"))
	_, err = a.InEffect(ctx)
	require.EqualError(t, err, "fault noop was not seen in effect: the iteration ended")
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, params, want string
	}{
		{"swap", `{"state":"low"}`, ""},
		{"nope", ``, `no fault "nope"; there are on, swap`},
		{"swap", `{"stat":"low"}`, `unknown field "stat"`},
		{"hook", `{"hook":"restart","steps":[{"code":300}]}`, "300"},
		{"worker", `{"rules":[{"do":"dance"}]}`, "dance"},
		{"on", `{"method":"ack","do":"delay","delay":"50ms"}`, ""},
		{"on", `{"method":"ack","do":"stall","for":"50ms"}`, ""},
	} {
		_, err := New(Spec{Fault: c.name, Params: json.RawMessage(c.params)})
		if c.want == "" {
			require.NoError(t, err, "%s %s", c.name, c.params)
			continue
		}
		require.ErrorContains(t, err, c.want, "%s %s", c.name, c.params)
	}
}

// A fault is for one kind of target, and says so when it is asked of the other.
func TestSuits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		http bool
		want string
	}{
		{"swap", false, ""},
		{"swap", true, "fault swap: it is for consumers of a queue, and the target answers requests"},
		{"backend", true, ""},
		{"backendDown", false, "fault backendDown: it is for targets that answer requests, and this one consumes a queue"},
		{"link", true, ""},
		{"link", false, ""},
		{"nope", true, ""}, // New has a better error
	} {
		err := Suits(c.name, c.http)
		if c.want == "" {
			require.NoError(t, err, c.name)
			continue
		}
		require.EqualError(t, err, c.want)
	}
}

func TestOnRefuses(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]On{
		`method: `:                              {Method: "akc", Do: "cut"},
		`do: "explode", want one of cancel`:     {Method: "ack", Do: "explode"},
		`within: 5 has no meaning with nth`:     {Method: "any", Do: "cut", From: "either", Within: 5, Nth: 2},
		`from: "me"`:                            {Method: "ack", Do: "cut", From: "me"},
		`chance: 2, want 0 to 1`:                {Method: "ack", Do: "cut", Chance: 2},
		`code: 0, want an AMQP reply code`:      {Method: "ack", Do: "close-channel"},
		`code: 406 has no meaning with do: "c`:  {Method: "ack", Do: "cut", Code: 406},
		`delay: 0s, want one above 0`:           {Method: "ack", Do: "delay"},
		`delay: 1ns, want one above 0 with do`:  {Method: "ack", Do: "cut", Delay: 1},
		`delay: -1ns, want one above 0 with d`:  {Method: "ack", Do: "cut", Delay: -1},
		`for: 0s, want one above 0 with do: "`:  {Method: "ack", Do: "stall"},
		`for: 1ns, want one above 0 with do: `:  {Method: "ack", Do: "cut", For: 1},
		`for: -1ns, want one above 0 with do:`:  {Method: "ack", Do: "cut", For: -1},
		`"refuse" is possible with basic.publi`: {Method: "ack", Do: "refuse"},
		`basic.deliver from broker only, not w`: {Method: "deliver", Do: "cancel"},
		`channel only, not with connection.st`:  {Method: "connection.start", Do: "close-channel", Code: 406},
		`channel only, not with connection.bl`:  {Method: "connection.blocked", Do: "phantom-reject", From: "broker"},
	} {
		_, err := f.rule(1)
		require.ErrorContains(t, err, want)
	}
	good := On{Method: "ack", Do: "cut", Nth: 5}
	r, err := good.rule(1)
	require.NoError(t, err)
	require.Equal(t, uint64(5), r.Nth)
	require.Equal(t, "target", good.From)
}
