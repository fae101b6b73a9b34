package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"golang.org/x/sys/unix"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/remote"
)

// Options set an upstream's process up.
type Options struct {
	Socket string       // control socket of the lab
	Name   string       // empty: "upstream"
	Addr   string       // to listen on; empty: 127.0.0.1 and a free port
	Log    *slog.Logger // nil: discarded
}

// Run is the upstream's process. It returns when ctx is done (nil), when a rule refuses the boot
// (ErrRefused: exit with 1), when it cannot listen, and at once when the lab is gone
// (control.ErrLabGone). Requests under way are dropped, as by a kill.
func Run(ctx context.Context, o Options) error {
	o.Name = cmp.Or(o.Name, Role)
	var p *process
	build := func(ctx context.Context, lab *remote.Process[Script, Rule, Event]) remote.Fake[Script] {
		s := newServer(ctx, Config{Name: o.Name, Addr: o.Addr, Log: o.Log}, &lab.Rules)
		p = &process{Server: s, lab: lab, ledger: ledger{send: func(batch []Record) { lab.Tell(msgLedger, batch) }}}
		s.config.OnRecord = p.ledger.record
		s.acts, s.die = lab.Acts, die
		return p
	}
	if err := remote.Run(ctx, o.Socket, control.Hello{Role: Role, Name: o.Name}, o.Log, build); err != nil {
		return fmt.Errorf("upstream %s: %w", o.Name, err)
	}
	return nil
}

// process is a Server that a lab drives.
type process struct {
	*Server
	lab    *remote.Process[Script, Rule, Event]
	ledger ledger
}

// Serve implements remote.Fake.
func (p *process) Serve(ctx context.Context) error {
	err := p.boot()
	if err == nil {
		err = p.open()
	}
	if err != nil {
		return err
	}
	p.config.Log.Info("upstream listens", "name", p.config.Name, "addr", p.port.Addr().String())
	err = p.lab.Ready(p.port.Addr().String())
	if err == nil {
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	closed := p.Close()
	p.ledger.flush()
	return errors.Join(err, closed)
}

// die ends this process with the exit code; 137 is SIGKILL.
func die(code int) {
	if code == 137 {
		if err := unix.Kill(os.Getpid(), unix.SIGKILL); err == nil {
			select {} // the signal is on its way
		}
	}
	os.Exit(code)
}
