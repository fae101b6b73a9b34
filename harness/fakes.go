package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/fakes/alertsink"
	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
	"github.com/comeback-chaos/xk6-comeback/fakes/metadata"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// openFakes stands up the target's neighbours. Those that a target has on other machines live in our
// process; those that it has on its own are processes, as it can only then lose them.
func (l *Lab) openFakes(ctx context.Context) error {
	var err error
	if l.api, err = apisink.Listen(l.ctx, apisink.Config{OnEffect: l.onEffect, Log: l.log}); err != nil {
		return err
	}
	if err := l.openSinks(ctx); err != nil {
		return err
	}
	if err := l.openMetadata(); err != nil {
		return err
	}
	l.host = hostmem.New(filepath.Join(l.group.Dir(), "host"))
	l.host.OnRead = func(s hostmem.State) {
		l.record.Append(&history.Event{Kind: history.HostRead, Who: s.Name})
	}
	if err := l.host.Set(hostmem.OK()); err != nil {
		return err
	}
	socket := l.socket()
	if l.worker, err = newWorker(l, socket); err != nil {
		return err
	}
	if err := l.worker.remote.Push(ctx, l.config.Spec.AI); err != nil {
		return err
	}
	l.desk = &hooks.Desk{OnCall: l.onHookCall, OnExit: l.onHookExit, Restart: l.worker.Start, Kill: l.worker.Kill}
	l.control, err = control.Listen(socket, control.Mux{hooks.Role: l.desk, aiworker.Role: l.worker.remote}, l.log)
	if err != nil {
		return err
	}
	for _, hook := range []string{hooks.Restart, hooks.Terminate} {
		err := hooks.WriteScript(l.HookPath(hook), l.config.Self, "x", "comeback", "fake", "hook", "--socket", socket, "--name", hook, "--")
		if err != nil {
			return err
		}
	}
	return l.worker.Start(ctx)
}

// openSinks starts what any target may report to.
func (l *Lab) openSinks(context.Context) error {
	var err error
	l.alerts, err = alertsink.Listen(l.ctx, alertsink.Config{OnAlert: l.onAlert, Log: l.log})
	return err
}

// openMetadata starts an instance metadata service for each instance.
func (l *Lab) openMetadata() error {
	for i := range l.target.Instances {
		s, err := metadata.Listen(l.ctx, metadata.Config{Instance: l.instanceID(i), Region: region, Log: l.log})
		if err != nil {
			return err
		}
		l.metadata = append(l.metadata, s)
	}
	return nil
}

func (l *Lab) closeFakes() error {
	var errs []error
	for _, s := range l.metadata {
		errs = append(errs, s.Close())
	}
	if l.api != nil {
		errs = append(errs, l.api.Close())
	}
	if l.alerts != nil {
		errs = append(errs, l.alerts.Close())
	}
	if l.host != nil {
		errs = append(errs, l.host.Close())
	}
	if l.control != nil {
		errs = append(errs, l.control.Close())
	}
	return errors.Join(errs...)
}

func (l *Lab) onEffect(e apisink.Effect) {
	h := history.Event{Kind: history.Effect, Who: "api", Msg: history.ParseMsgID([]byte(e.Job)), Code: int32(e.Status)}
	set(&h, history.Replay, e.Replay)
	set(&h, history.Refused, e.Refused)
	set(&h, history.Accepted, e.Accepted)
	set(&h, history.Broken, e.Broken)
	if e.Key != e.Job {
		h.Text = e.Key
	}
	l.record.Append(&h)
}

func (l *Lab) onAlert(a alertsink.Alert) {
	h := history.Event{Kind: history.Alert, Who: a.Title, Text: a.Text}
	set(&h, history.AllClear, a.AllClear)
	l.record.Append(&h)
}

func (l *Lab) onHookCall(c hooks.Call) {
	args, err := json.Marshal(c.Args)
	if err != nil {
		args = []byte(err.Error()) // cannot be: strings
	}
	l.record.Append(&history.Event{Kind: history.HookCall, Who: c.Hook, N: int64(c.Pid), Text: string(args)})
}

func (l *Lab) onHookExit(c hooks.Call, step hooks.Step) {
	text := fmt.Sprintf("%+v", step)
	if plan, err := json.Marshal(step); err == nil {
		text = string(plan)
	}
	if c.Killed {
		text += ": killed by its caller before that was through"
	}
	if c.Misuse {
		text += ": not done, the arguments are not what the real executable takes"
	}
	if c.Err != nil {
		text += ": " + c.Err.Error()
	}
	l.record.Append(&history.Event{Kind: history.HookExit, Who: c.Hook, N: int64(c.Pid), Code: int32(c.Code), Text: text})
}
