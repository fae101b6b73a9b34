package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// worker is the AI worker's process. It is the lab's child and not the target's, so that it outlives
// the target's hook that restarts it; its address stays the same over restarts.
type worker struct {
	lab    *Lab
	remote *aiworker.Remote
	socket string
	addr   string

	mu      sync.Mutex // one start or kill at a time
	process *child.Process
	ready   bool // the process has come to listen
}

func newWorker(l *Lab, socket string) (*worker, error) {
	port, err := l.group.FreePort()
	if err != nil {
		return nil, err
	}
	w := &worker{lab: l, socket: socket, addr: fmt.Sprintf("127.0.0.1:%d", port)}
	w.remote = &aiworker.Remote{OnEvent: func(e aiworker.Event) {
		l.record.Append(&history.Event{
			Kind: history.Work, Msg: history.ParseMsgID([]byte(e.Msg)), Code: int32(e.Code), Text: e.Text,
		})
	}}
	return w, nil
}

func (w *worker) url() string { return "http://" + w.addr }

// Remote implements fault.Worker.
func (w *worker) Remote() *aiworker.Remote { return w.remote }

// Start starts the process, anew if it runs, and returns when it listens.
func (w *worker) Start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.start(ctx)
}

// Revive implements fault.Worker. A start that is under way is waited for and not undone.
func (w *worker) Revive(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listens() {
		return nil
	}
	return w.start(ctx)
}

// listens tells whether the process has come to listen and has not ended since. The caller holds the
// lock. A request would tell it worse: a busy worker may take long to answer.
func (w *worker) listens() bool {
	if w.process == nil || !w.ready {
		return false
	}
	select {
	case <-w.process.Done():
		return false
	default:
		return true
	}
}

// start is Start; the caller holds the lock.
func (w *worker) start(ctx context.Context) error {
	w.end()
	p, err := w.lab.group.Start(child.Spec{
		Name: "aiworker", Path: w.lab.config.Self, InheritEnv: true,
		Args: []string{"x", "comeback", "fake", "aiworker", "--socket", w.socket, "--addr", w.addr},
	})
	if err != nil {
		return err
	}
	w.process = p
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	go func() {
		select {
		case <-p.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	if _, err := w.remote.AwaitReady(ctx); err != nil {
		return fmt.Errorf("start the AI worker (%s): %w", p.Exit(), err)
	}
	w.ready = true
	w.lab.record.Append(&history.Event{Kind: history.ProcReady, Who: p.Name(), N: int64(p.PID())})
	return nil
}

// Kill kills the process and leaves it dead.
func (w *worker) Kill() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end()
	return nil
}

func (w *worker) end() {
	if w.process == nil {
		return
	}
	w.process.Kill()
	<-w.process.Done()
	w.process, w.ready = nil, false
}

// Serve implements fault.Worker: it asks for one image as a consumer does, but for the mark that keeps
// it out of the rules of faults.
func (w *worker) Serve(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	body := strings.NewReader(`{"prompt":"are you there?"}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url()+"/sdapi/v1/txt2img", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(aiworker.ProbeHeader, "1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the AI worker answered %s", resp.Status)
	}
	return nil
}
