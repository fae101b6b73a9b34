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
	"github.com/comeback-chaos/xk6-comeback/fakes/remote"
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
	image, err := newPicture()
	if err != nil {
		return fmt.Errorf("AI worker: paint the image: %w", err)
	}
	build := func(ctx context.Context, lab *remote.Process[Script, Rule, Event]) remote.Fake[Script] {
		return &worker{ctx: ctx, lab: lab, addr: o.Addr, log: o.Log, image: image, models: models{loading: make(chan struct{}, 1)}}
	}
	if err := remote.Run(ctx, o.Socket, control.Hello{Role: Role, Name: o.Name}, o.Log, build); err != nil {
		return fmt.Errorf("AI worker: %w", err)
	}
	return nil
}

// Serve implements remote.Fake; what is under way when ctx is done is dropped, as by a kill.
func (w *worker) Serve(ctx context.Context) error {
	if err := w.boot(ctx); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", w.addr)
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
	if err := w.lab.Ready(ln.Addr().String()); err != nil {
		return errors.Join(err, ln.Close())
	}
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return context.Cause(ctx)
}
