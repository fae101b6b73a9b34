package port

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Serve answers HTTP/1 on the port until ctx is done, then drops every connection and closes the
// port. wait returns when that is done and every call of h has returned, so h must end with ctx.
func Serve(ctx context.Context, p *Port, h http.Handler, log *slog.Logger) (wait func() error) {
	var calls sync.RWMutex // held for reading by each call of h
	ended := false
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.RLock()
			defer calls.RUnlock()
			if ended {
				panic(http.ErrAbortHandler)
			}
			h.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	closed := make(chan error, 1)
	context.AfterFunc(ctx, func() { closed <- server.Close() })
	served := make(chan error, 1)
	go func() { served <- server.Serve(p) }()
	return sync.OnceValue(func() error {
		err := <-served
		if errors.Is(err, http.ErrServerClosed) {
			err = <-closed
		}
		calls.Lock()
		defer calls.Unlock()
		ended = true
		return err
	})
}
