package harness_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// over is a context that is done: what is not there yet will not come.
func over(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestWorkerIsRevivedOnlyWhenItDoesNotServe(t *testing.T) {
	t.Parallel()
	lab := start(t, spec("revive", history.Expect{}))
	defer func() { require.NoError(t, lab.Abandon()) }()
	w := lab.Worker()
	starts := lab.Watch(func(e *history.Event) bool { return e.Kind == history.ProcStart && e.Who == "aiworker" })
	defer starts.Close()

	require.NoError(t, w.Revive(t.Context()))
	_, err := starts.Next(over(t))
	require.Error(t, err, "it serves: nothing is started")
	require.NoError(t, w.Serve(t.Context()))

	require.NoError(t, lab.Targets()[0].Pause()) // it would ask the new worker for an image, too, and have the rule act
	require.NoError(t, w.Kill())
	require.Error(t, w.Serve(t.Context()))
	require.NoError(t, w.Revive(t.Context()))
	_, err = starts.Next(t.Context())
	require.NoError(t, err)

	rule, err := w.Remote().Add(t.Context(), aiworker.Rule{Do: aiworker.OOM})
	require.NoError(t, err)
	require.NoError(t, w.Serve(t.Context()), "the lab's own request is no job")
	require.Zero(t, rule.Hits())
}

func TestClaim(t *testing.T) {
	t.Parallel()
	lab := start(t, spec("claim", history.Expect{}))
	defer func() { require.NoError(t, lab.Abandon()) }()
	low := fault.Spec{Fault: "swap", Params: json.RawMessage(`{"state":"low"}`)}
	unset := fault.Spec{Fault: "swap", Params: json.RawMessage(`{"state":"unset"}`)}
	first, err := lab.Inject(low)
	require.NoError(t, err)
	_, err = lab.Inject(unset)
	require.ErrorContains(t, err, "another fault that is in place sets the host's swap: heal that one first")
	require.NoError(t, first.Heal(t.Context()))
	second, err := lab.Inject(unset)
	require.NoError(t, err)
	require.ErrorIs(t, first.Heal(t.Context()), fault.ErrTwice)
	_, err = lab.Inject(low)
	require.ErrorContains(t, err, "heal that one first", "healing the first again frees nothing")
	require.NoError(t, second.Heal(t.Context()))
	require.Equal(t, "ok", lab.Host().State().Name)
}

// The worker stays dead: the target's restart hook fails. The target must be seen to want it.
func TestWorkerDownIsInEffectWhenTheTargetHasAJob(t *testing.T) {
	t.Parallel()
	s := spec("worker-down", history.Expect{})
	lab := start(t, s)
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			if err := lab.Steady(t.Context()); err != nil {
				return err
			}
			hook, err := lab.Inject(fault.Spec{Fault: "hook", Params: json.RawMessage(`{"hook":"restart","steps":[{"code":0}]}`)})
			if err != nil {
				return err
			}
			down, err := lab.Inject(fault.Spec{Fault: "workerDown"})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			for _, wait := range []func(context.Context) (string, error){down.InEffect, hook.InEffect} {
				if _, err := wait(ctx); err != nil {
					return err
				}
			}
			for _, f := range []*fault.Active{hook, down} {
				if err := f.Heal(ctx); err != nil {
					return err
				}
				if _, err := f.Gone(ctx); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	offer(t, lab, s)
	require.NoError(t, <-done)
	_, err := lab.Finish(t.Context())
	require.NoError(t, err)
	require.NoError(t, lab.Close())
}
