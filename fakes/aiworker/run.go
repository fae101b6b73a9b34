package aiworker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
)

// Options set a worker's process up.
type Options struct {
	Socket string       // control socket of the lab
	Name   string       // empty: "aiworker"
	Addr   string       // to listen on; empty: 127.0.0.1 and a free port
	Log    *slog.Logger // nil: discarded
}

// Run is the worker's process. It returns when ctx is done (nil), when a rule refuses the boot
// (ErrRefused: exit with 1), when it cannot listen, and at once when the lab is gone
// (control.ErrLabGone).
func Run(ctx context.Context, o Options) error {
	if o.Name == "" {
		o.Name = Role
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, err := control.Dial(ctx, o.Socket, control.Hello{Role: Role, Name: o.Name})
	if err != nil {
		return fmt.Errorf("AI worker: %w", err)
	}
	defer conn.Close()
	w, err := newWorker(ctx, conn, o.Log)
	if err != nil {
		return fmt.Errorf("AI worker: %w", err)
	}
	scripted := make(chan struct{})
	go func() { cancel(w.listen(scripted)) }()
	select {
	case <-scripted:
		err = w.serve(ctx, o.Addr)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("AI worker: %w", err)
	}
	return nil
}

// listen keeps the script up to date until the lab is gone. It closes scripted once there is one.
func (w *worker) listen(scripted chan<- struct{}) error {
	for n := 0; ; n++ {
		m, err := w.conn.Receive()
		if err != nil {
			return fmt.Errorf("%w: %w", control.ErrLabGone, err)
		}
		if m.Type != msgScript {
			return fmt.Errorf("the lab said %q: %s", m.Type, m.Body)
		}
		var s state
		if err := m.Into(&s); err != nil {
			return err
		}
		w.apply(s)
		if n == 0 {
			close(scripted)
		}
		if err := w.conn.Send(msgApplied, s.Seq); err != nil {
			return fmt.Errorf("%w: %w", control.ErrLabGone, err)
		}
	}
}

// serve boots and answers requests until ctx is done; what is under way is dropped, as by a kill.
func (w *worker) serve(ctx context.Context, addr string) error {
	if err := w.boot(ctx); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w (is a former process still running?)", err)
	}
	server := &http.Server{
		Handler:           w.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(w.log.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	w.log.Info("AI worker listens", "addr", ln.Addr().String())
	if err := w.conn.Send(msgReady, ln.Addr().String()); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", control.ErrLabGone, err), ln.Close())
	}
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return context.Cause(ctx)
}
