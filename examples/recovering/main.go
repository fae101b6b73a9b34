// Command recovering is a queue consumer that lets the AMQP library do its recovery: amqp091-go
// reconnects, reopens its channel and subscribes again by itself (Config.Recovery). It does the same
// jobs on the same queues as targets/consumer and shares no line with it: an example of a consumer of
// your own, and a second opinion on whether the checks are fair.
//
// What the library does not do for you is the rest of this program: link.go keeps acks that have gone
// stale off the wire, session.go acks with "multiple" where that is right, watch.go notices what no
// error tells, publish.go puts failed jobs aside, job.go decides what becomes of a message, and this
// file starts and stops it all.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// httpLimit bounds a question to /readyz.
const httpLimit = 5 * time.Second

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	s, err := parse(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "recovering:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, s, log); err != nil {
		fmt.Fprintln(os.Stderr, "recovering:", err)
		os.Exit(1)
	}
}

// run consumes until ctx ends, and then drains.
func run(ctx context.Context, s settings, log *slog.Logger) error {
	var current atomic.Pointer[link]
	closeServer, err := serve(s.listen, &current)
	if err != nil {
		return err
	}
	defer closeServer()

	jobs := make(chan job, s.prefetch)
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	w := &worker{
		settings: s, log: log, back: &publisher{settings: s},
		ai:  aiProcess{s.aiURL, client(s.aiTimeout, s.prefetch)},
		api: apiServer{s.apiURL, client(s.apiTimeout, s.prefetch), s.reportLimit},
	}
	defer w.back.close()
	var workers sync.WaitGroup
	for range s.prefetch {
		workers.Go(func() { w.run(work, jobs, ctx.Done()) })
	}

	// The library recovers a connection many times. Where it cannot, we begin with a new one.
	for ctx.Err() == nil {
		l := &link{settings: s, log: log, jobs: jobs, draining: ctx.Done()}
		current.Store(l)
		err := consume(ctx, l, w.back, func() { drain(&workers, stopWork, jobs, s.drainTimeout) })
		if err != nil {
			log.Warn("connecting anew", "reason", err)
			pause(ctx, s.recoveryInterval)
		}
	}
	drain(&workers, stopWork, jobs, s.drainTimeout) // nothing to do when there was a connection
	log.Info("stopped")
	return nil
}

// consume has one connection for as long as it can be recovered, or until ctx ends: then it is drained
// and closed in order.
func consume(ctx context.Context, l *link, back *publisher, drain func()) error {
	// Opening has questions to the broker in it, and the library would wait for lost answers for ever.
	limit := time.AfterFunc(2*l.settings.callLimit, l.drop)
	conn, ch, err := l.open()
	limit.Stop()
	if conn != nil {
		defer func() {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			l.close(closing, conn)
		}()
	}
	if err != nil {
		return err
	}
	if err := l.watch(ctx, conn, ch, back.depth); err != nil {
		return err
	}
	if s, _ := l.session(); s != nil {
		limit := time.AfterFunc(2*time.Second, l.drop)
		_ = ch.Cancel(consumerTag, false) // what was sent before is in our hands, what comes is not for us
		limit.Stop()
		defer s.flush()
	}
	drain()
	return nil
}

// drain gives running jobs their time and hands back what was not begun.
func drain(workers *sync.WaitGroup, stopWork func(), jobs <-chan job, limit time.Duration) {
	timer := time.AfterFunc(limit, stopWork)
	defer timer.Stop()
	workers.Wait()
	for {
		select {
		case j := <-jobs:
			j.session.handBack(j.message.DeliveryTag)
		default:
			return
		}
	}
}

// serve answers /readyz: 200 while messages can arrive.
func serve(address string, current *atomic.Pointer[link]) (closeServer func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("LISTEN_ADDR: %w", err)
	}
	server := &http.Server{ReadTimeout: httpLimit, WriteTimeout: httpLimit, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := current.Load()
		if l == nil || r.URL.Path != "/readyz" {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		if s, _ := l.session(); s == nil {
			http.Error(w, "no session with the broker", http.StatusServiceUnavailable)
		}
	})}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("no more answers at LISTEN_ADDR", "error", err)
		}
	}()
	return func() { _ = server.Close() }, nil
}

// client keeps as many connections open as jobs may run.
func client(timeout time.Duration, jobs int) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.MaxIdleConns, t.MaxIdleConnsPerHost = nil, 0, jobs+1
	return &http.Client{Timeout: timeout, Transport: t}
}
