package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var stuckKind = Kind{
	Name: "stuck",
	Of:   Requests,
	Doc:  "blocks a worker of gunicorn's until its master kills it",
	Does: `Waits until the backend takes a request, then asks its ASGI app, beside the load, for something that blocks its event loop. All requests of that
worker stand still, it gives no sign of life any more, and gunicorn's master kills it once its --timeout has passed, in the middle of
them. In effect once the master has said so and the request was cut; the master starts another worker. Gone once the
backend has answered a request well again.`,
	Correct: `Sends no more to the backend than it takes to notice. What was cut is asked of another backend if it is safe to ask twice;
the rest fails once and at once. Lets the backend back in once it is well.`,
	Needs: "a backend with {asgi: {gunicorn: true, timeout: …}}.",
	New:   func() Fault { return &Stuck{} },
}

// Stuck blocks the event loop of one worker.
type Stuck struct {
	Backend int `json:"backend" doc:"which one, from 0"`
}

// stuckFor is how long the app blocks: longer than any run, so that only its master ends it.
const stuckFor = 24 * time.Hour

// Inject implements Fault.
func (f *Stuck) Inject(ctx context.Context, lab Lab) (Injected, error) {
	b, err := backendOf(lab, f.Backend)
	if err != nil {
		return Injected{}, err
	}
	if how := b.Spec().ASGI; how == nil || !how.Gunicorn || how.Timeout == 0 {
		return Injected{}, fmt.Errorf("%s has no master that kills a worker: want {asgi: {gunicorn: true, timeout: '2s'}}", b.Name())
	}
	release, err := lab.Claim("the process of " + b.Name())
	if err != nil {
		return Injected{}, err
	}
	if err := takes(ctx, lab, b); err != nil {
		release()
		return Injected{}, err
	}
	killed := lab.Watch(func(e *history.Event) bool {
		return e.Kind == history.Log && e.Who == b.Name() && strings.Contains(e.Text, "WORKER TIMEOUT")
	})
	ctx, giveUp := context.WithCancel(ctx)
	began := time.Now()
	cut := make(chan struct{}) // closed when the request was
	go func() {
		if block(ctx, b.Addr()) && ctx.Err() == nil {
			close(cut)
		}
	}()
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			defer killed.Close()
			if err := closed(ctx, cut); err != nil {
				return "", fmt.Errorf("waiting until a request that blocks %s is cut: %w", b.Name(), err)
			}
			after := time.Since(began).Round(time.Millisecond)
			e, err := killed.Next(ctx)
			return fmt.Sprintf("%s, after %v: %s", b.Name(), after, e.Text), err
		},
		Heal: func(ctx context.Context) error {
			killed.Close()
			giveUp()
			select {
			case <-cut:
			default: // it may still be blocked
				b.Kill()
			}
			if err := b.Start(ctx); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) { return givesAgain(ctx, lab, b) },
	}, nil
}

// block asks for what blocks a worker, and tells whether the connection was cut instead of an answer.
func block(ctx context.Context, addr string) bool {
	url := fmt.Sprintf("http://%s/stuck?ms=%d", addr, stuckFor.Milliseconds())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil) // which http.Transport does not send again
	if err != nil {
		return false
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		err = errors.Join(err, res.Body.Close())
	}
	return err != nil
}
