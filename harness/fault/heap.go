package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/jvm"
)

var heapKind = Kind{
	Name: "heap",
	Of:   Requests,
	Doc:  "fills the heap of a JVM behind the target",
	Does: `Waits until the backend takes a request, and asks it, beside the load, to keep whatever its heap has and to want
more. From then on it collects garbage all the time and frees none: a processor burns, the process lives, its port takes connections, and requests are hardly answered.
In effect once it takes a connection and does not answer within a second; nothing but a restart helps, so healed, it is
killed and started again. Gone once it has answered a request well.`,
	Correct: `Goes by the answer to its health checks, and not by a process or a port that is there: sends it no more than it takes to
notice, and lets it back in once it answers.`,
	Needs: "A backend with {jvm: {…}}.",
	New:   func() Fault { return &Heap{} },
}

// Heap fills the heap of a JVM.
type Heap struct {
	Backend int `json:"backend" doc:"which one, from 0"`
}

// deaf is how long a server that is asked must say nothing.
const deaf = time.Second

// Inject implements Fault.
func (f *Heap) Inject(ctx context.Context, lab Lab) (Injected, error) {
	b, err := backendOf(lab, f.Backend)
	if err != nil {
		return Injected{}, err
	}
	if b.Spec().JVM == nil {
		return Injected{}, fmt.Errorf("%s has no heap to fill: want {jvm: {}}", b.Name())
	}
	release, err := lab.Claim("the process of " + b.Name())
	if err != nil {
		return Injected{}, err
	}
	if err := takes(ctx, lab, b); err != nil {
		release()
		return Injected{}, err
	}
	if err := ask(ctx, http.MethodPost, "http://"+b.Addr()+jvm.Fill, deaf); err != nil {
		release()
		return Injected{}, fmt.Errorf("fill the heap of %s: %w", b.Name(), err)
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) { return isDeaf(ctx, b) },
		Heal: func(ctx context.Context) error {
			b.Kill()
			if err := b.Start(ctx); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) { return givesAgain(ctx, lab, b) },
	}, nil
}

// isDeaf waits until a server that lives takes a connection, and no more.
func isDeaf(ctx context.Context, b Backend) (evidence string, err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask(ctx, http.MethodGet, "http://"+b.Addr()+b.Spec().Health(), deaf)
		select {
		case <-b.Done():
			return "", fmt.Errorf("%s has ended: %s", b.Name(), b.Ending())
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-tick.C:
		}
		if err == nil {
			continue
		}
		var d net.Dialer
		conn, refusal := d.DialContext(ctx, "tcp", b.Addr())
		if refusal != nil {
			return "", fmt.Errorf("%s lives and takes no connection: %w", b.Name(), refusal)
		}
		_ = conn.Close()
		return fmt.Sprintf("%s lives, takes a connection, and does not answer: %v", b.Name(), err), nil
	}
}

// ask wants an answer with status 200 in time.
func ask(ctx context.Context, method, url string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answered %s", res.Status)
	}
	return errors.Join(err, res.Body.Close())
}
