package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/flow"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

// Reload reads the file of backends and makes the pool what it says. A wrong file changes nothing.
func (p *Proxy) Reload() (backend.Outcome, error) {
	p.reload.Lock()
	defer p.reload.Unlock()
	specs, err := p.Load(p.Settings.BackendsFile)
	p.Board.Reloaded(err)
	if err != nil {
		p.Log.Error("the file of backends is wrong; those of before stay", "error", err.Error())
		return backend.Outcome{}, err
	}
	out := p.Pool.Apply(specs)
	p.Log.Info("backends read", "file", p.Settings.BackendsFile, "added", out.Added, "changed", out.Changed, "gone", out.Gone)
	return out, nil
}

// Run serves clients and operators until ctx ends, then lets what is under way come to its end. Whatever
// comes from again makes it read the file of backends again.
func (p *Proxy) Run(ctx context.Context, l Listeners, again <-chan os.Signal) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var helpers sync.WaitGroup
	defer helpers.Wait()
	p.Pool.Added = func(b *backend.Backend) { helpers.Go(func() { p.Active.Watch(base, b) }) }
	defer p.Pool.Close()
	if _, err := p.Reload(); err != nil {
		cut()
		return err
	}
	front, back, board := p.server(base), p.operators(p.adminHandler()), p.operators(p.Board.Handler())
	failed := make(chan error, 3)
	p.Guard.Listener = &flow.Listener{Listener: l.Clients, SendBuffer: p.Settings.SendBuffer}
	helpers.Go(func() { failed <- front.Serve(p.Guard) })
	helpers.Go(func() { failed <- back.Serve(l.Admin) })
	if l.Ops != nil {
		helpers.Go(func() { failed <- board.Serve(l.Ops) })
	}
	defer func() { cut(); _ = front.Close(); closeAdmin(back); _ = board.Close() }()

	for ctx.Err() == nil {
		select {
		case err := <-failed:
			return fmt.Errorf("serve: %w", err)
		case <-again:
			_, _ = p.Reload() // it says what came of it
		case <-ctx.Done():
		}
	}
	p.stop(front)
	return nil
}

func (p *Proxy) stop(front *http.Server) {
	p.Board.Stopping()
	p.Log.Info("stopping", "active", p.Board.Active(), "limit", p.Settings.StopTimeout.String())
	time.Sleep(p.Settings.StopDelay)
	if left := p.finish(front); left > 0 {
		p.Log.Warn("not done in time; requests cut", "active", left)
	}
	p.Log.Info("stopped")
}

// finish takes no more connections and waits for what is under way. It gives what is left at the end of
// the time for that.
func (p *Proxy) finish(front *http.Server) int64 {
	limit, done := context.WithTimeout(context.Background(), p.Settings.StopTimeout)
	defer done()
	if err := front.Shutdown(limit); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		p.Log.Warn("not closed in order", "error", err.Error())
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for p.Board.Active() > 0 { // upgraded connections are no longer the server's
		select {
		case <-look.C:
		case <-limit.Done():
			return p.Board.Active()
		}
	}
	return 0
}

// closeAdmin lets answers under way come to their end: a backend must not be added once nobody waits for its checks.
func closeAdmin(s *http.Server) {
	limit, done := context.WithTimeout(context.Background(), adminTimeout)
	defer done()
	_ = s.Shutdown(limit) // no answer takes so long
}

func (p *Proxy) server(base context.Context) *http.Server {
	s := &http.Server{Handler: p.Handler(), Protocols: new(http.Protocols), ConnState: guard.Hijacked,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    slog.NewLogLogger(p.Log.Handler(), slog.LevelWarn)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	p.Limits.Server(s)
	return s
}

// adminTimeout is far more than any answer of the admin API takes.
const adminTimeout = 10 * time.Second

func (p *Proxy) adminHandler() http.Handler {
	mux := http.NewServeMux()
	board, api := p.Board.Handler(), p.Admin.Handler()
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, board)
	}
	mux.Handle("/", api)
	return mux
}

// operators serves what people and machines ask about the proxy.
func (p *Proxy) operators(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadTimeout: adminTimeout, WriteTimeout: adminTimeout, MaxHeaderBytes: p.Settings.HeaderLimit,
		ErrorLog: slog.NewLogLogger(p.Log.Handler(), slog.LevelWarn)}
}
