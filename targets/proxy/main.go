package proxy

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/settings"
)

// Exit codes of Main.
const (
	ExitOK     = 0
	ExitCannot = 1   // it could not start, or not go on
	ExitUsage  = 2   // a setting, or the file of backends, is wrong
	ExitAtOnce = 143 // told twice to stop: requests under way were cut
)

// Main is the program: settings from the environment and args, logs as JSON lines to stdout. SIGHUP reads
// the file of backends again; SIGTERM or SIGINT lets what is under way come to its end, and a second one
// does not. Change, which may be nil, may replace parts before the start. The result is the exit code.
func Main(args []string, stdout, stderr io.Writer, change func(*Proxy)) int {
	s, err := settings.Parse(args, os.LookupEnv, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return ExitOK
	}
	if err != nil {
		fmt.Fprintln(stderr, "proxy:", err)
		fmt.Fprintln(stderr, "Run with -help for the list of settings.")
		return ExitUsage
	}
	log := slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: s.LogLevel}))
	p := New(s, log)
	if change != nil {
		change(p)
	}
	if _, err := p.Load(s.BackendsFile); err != nil {
		fmt.Fprintln(stderr, "proxy: setting BACKENDS_FILE (flag -backends-file):", err)
		return ExitUsage
	}
	l, err := listen(s)
	if err != nil {
		fmt.Fprintln(stderr, "proxy:", err)
		return ExitCannot
	}
	attrs := []any{"listen", l.Clients.Addr().String(), "admin", l.Admin.Addr().String(), "backends", s.BackendsFile, "picker", s.Picker}
	if l.Ops != nil {
		attrs = append(attrs, "ops", l.Ops.Addr().String())
	}
	log.Info("starting", attrs...)
	return p.serve(l, stderr)
}

// Listeners are what Run serves.
type Listeners struct {
	Clients net.Listener
	Admin   net.Listener // this machine's: whoever reaches it may change the backends
	Ops     net.Listener // for who only asks how the proxy is; nil: none
}

// listen opens all addresses, or none.
func listen(s settings.Settings) (l Listeners, err error) {
	var open []net.Listener
	for _, a := range []struct {
		setting, address string
		to               *net.Listener
	}{{"LISTEN_ADDR", s.ListenAddr, &l.Clients}, {"ADMIN_ADDR", s.AdminAddr, &l.Admin}, {"OPS_ADDR", s.OpsAddr, &l.Ops}} {
		if a.setting == "OPS_ADDR" && a.address == "" {
			continue
		}
		one, err := net.Listen("tcp", a.address)
		if err != nil {
			for _, before := range open {
				_ = before.Close()
			}
			return Listeners{}, fmt.Errorf("%s: %w; choose another address", a.setting, err)
		}
		*a.to, open = one, append(open, one)
	}
	return l, nil
}

// serve runs until it is told to stop.
func (p *Proxy) serve(l Listeners, stderr io.Writer) int {
	signals, again := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(signals)
	defer signal.Stop(again)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, l, again) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				fmt.Fprintln(stderr, "proxy:", err)
				return ExitCannot
			}
			return ExitOK
		case sig := <-signals:
			if ctx.Err() != nil {
				p.Log.Warn("told again to stop: ending at once", "signal", sig.String())
				return ExitAtOnce
			}
			stop()
		}
	}
}
