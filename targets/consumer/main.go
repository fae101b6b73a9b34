package consumer

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/settings"
)

// Exit codes of Main.
const (
	ExitOK       = 0
	ExitCannot   = 1   // it could not start
	ExitUsage    = 2   // a setting is wrong
	ExitAtOnce   = 143 // told twice to stop: jobs under way were left to the broker
	serveTimeout = 5 * time.Second
)

// Main is the program: settings from the environment and args, logs as JSON lines to stdout, SIGTERM
// or SIGINT drains and a second one ends it at once. Change, which may be nil, may replace parts before
// the start. The result is the exit code.
func Main(args []string, stdout, stderr io.Writer, change func(*Consumer)) int {
	s, err := settings.Parse(args, os.LookupEnv, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return ExitOK
	}
	if err != nil {
		fmt.Fprintln(stderr, "consumer:", err)
		fmt.Fprintln(stderr, "Run with -help for the list of settings.")
		return ExitUsage
	}
	log := slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: s.LogLevel}))
	c := New(s, log)
	if change != nil {
		change(c)
	}

	listener, err := net.Listen("tcp", s.ListenAddr)
	if err != nil {
		fmt.Fprintf(stderr, "consumer: LISTEN_ADDR: %v; choose another address\n", err)
		return ExitCannot
	}
	server := &http.Server{Handler: c.Board.Handler(), ReadTimeout: serveTimeout, WriteTimeout: serveTimeout}
	go func() { _ = server.Serve(listener) }() // ends with Close
	defer func() { _ = server.Close() }()
	log.Info("starting", "broker", settings.Redact(s.AMQPURL), "queue", s.Queue, "ai", settings.Redact(s.AIURL),
		"api", settings.Redact(s.APIURL), "listen", listener.Addr().String(), "prefetch", s.Prefetch, "workers", s.Workers)

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	var late <-chan time.Time
	for told := 0; ; told++ {
		select {
		case <-done:
			return ExitOK
		case <-late:
			log.Warn("not stopped in order in time; the broker takes back what is unsettled")
			return ExitOK
		case sig := <-signals:
			if told > 0 {
				log.Warn("told again to stop: ending at once", "signal", sig.String())
				return ExitAtOnce
			}
			log.Info("told to stop: draining", "signal", sig.String(), "limit", s.DrainTimeout)
			late = time.After(s.DrainTimeout + closeLimit)
			stop()
		}
	}
}
