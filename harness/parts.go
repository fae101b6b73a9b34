package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/load"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// begin writes what the run is about, so that its history can be judged from its file alone.
func (l *Lab) begin() error {
	c := l.config
	meta, err := json.Marshal(history.Meta{
		Scenario: c.Spec.Name, Incidents: c.Spec.Incidents, Target: c.Spec.Target, Version: l.target.Release,
		Defect: c.Defect, Seed: c.Seed, Repeat: c.Repeat, Started: time.Now(),
		Rate: c.Spec.Load.Rate, Duration: c.Spec.Load.Duration, Expect: c.Spec.Expect, Catches: c.Spec.Catches,
		HTTP: l.http(), Sweep: l.swept(),
	})
	if err != nil {
		return fmt.Errorf("describe the run: %w", err)
	}
	l.record.Append(&history.Event{Kind: history.Begin, Text: string(meta)})
	l.group, err = child.NewGroup(context.WithoutCancel(l.ctx), child.Options{
		LogDir: filepath.Join(c.Out, logFolder), Log: l.log,
		OnStart: func(name string, pid int, cmd string) {
			l.record.Append(&history.Event{Kind: history.ProcStart, Who: name, N: int64(pid), Text: cmd})
		},
		OnExit: func(name string, pid int, e child.Exit, expected bool) {
			ev := history.Event{Kind: history.ProcExit, Who: name, N: int64(pid), Code: int32(e.Code), Text: e.String()}
			if expected {
				ev.Flags = history.Expected
			}
			l.record.Append(&ev)
		},
		OnLine: func(name, line string) {
			l.last.Store(name, line)
			l.record.Append(&history.Event{Kind: history.Log, Who: name, Text: line})
		},
	})
	return err
}

func (l *Lab) openBroker(ctx context.Context) error {
	var err error
	if l.broker, err = broker.Open(ctx, l.config.Broker, l.group, l.log); err != nil {
		return err
	}
	l.admin = broker.NewAdmin(l.broker.URL(""), nil)
	return l.wantEmpty(ctx)
}

// wantEmpty refuses a broker whose queues hold somebody's messages: they would be counted as ours, and
// a run may lose them.
func (l *Lab) wantEmpty(ctx context.Context) error {
	for _, queue := range []string{l.target.Queue, l.target.Dead} {
		if queue == "" {
			continue
		}
		ready, consumers, err := l.admin.Depth(ctx, queue)
		var missing *amqp.Error
		switch {
		case errors.As(err, &missing) && missing.Code == amqp.NotFound:
		case err != nil:
			return err
		case ready > 0 || consumers > 0:
			return fmt.Errorf("queue %s at %s has %d messages and %d consumers already: give the run a vhost of its own, or purge the queue",
				queue, broker.Redact(l.broker.URL("")), ready, consumers)
		}
	}
	return nil
}

// openWires puts a wire before the broker for each instance of the target.
func (l *Lab) openWires(ctx context.Context) error {
	for i := range l.target.Instances {
		role := instanceName(l.config.Spec.Target, i)
		w, err := wire.Listen(l.ctx, l.wireConfig(role))
		if err != nil {
			return err
		}
		l.wires = append(l.wires, w)
	}
	return nil
}

func (l *Lab) wireConfig(role string) wire.Config {
	t := &tap{role: role, record: l.record}
	return wire.Config{
		Role: role, Upstream: l.broker.Addr(), Tap: t.see, Seed: l.config.Seed, Log: l.log,
		NextConn: func() uint32 { return l.conns.Add(1) },
	}
}

func instanceName(target string, i int) string { return fmt.Sprintf("%s/%d", target, i) }

// openLoad connects the workload. Its connection needs no hop of its own: the wire's code sits in it.
func (l *Lab) openLoad(ctx context.Context) error {
	w := wire.New(l.wireConfig("load"))
	dialer := net.Dialer{Timeout: 5 * time.Second}
	var err error
	l.load, err = load.Open(ctx, load.Options{
		URL: l.broker.URL(""), Queue: l.target.Queue, Seed: l.config.Seed, Log: l.log,
		Dial: func(network, addr string) (net.Conn, error) {
			c, err := dialer.Dial(network, addr)
			if err != nil {
				return nil, err
			}
			return w.Wrap(c), nil
		},
		OnOffer: func(id uint64, priority uint8, doomed bool) {
			e := history.Event{Kind: history.Offer, Msg: history.MsgID(id), Code: int32(priority)}
			set(&e, history.Doomed, doomed)
			l.record.Append(&e)
		},
	})
	return err
}

// probePeriod is how often the queue is looked at.
const probePeriod = 100 * time.Millisecond

// openProbe looks at the queue once, so that a probe that cannot work is no surprise later, and then
// goes on until the lab is closed.
func (l *Lab) openProbe(ctx context.Context) error {
	if err := l.probe(ctx); err != nil {
		return err
	}
	l.wg.Go(func() {
		tick := time.NewTicker(probePeriod)
		defer tick.Stop()
		for {
			select {
			case <-l.ctx.Done():
				return
			case <-tick.C:
				ctx, cancel := context.WithTimeout(l.ctx, time.Second)
				_ = l.probe(ctx) // recorded, and for the checks to judge
				cancel()
			}
		}
	})
	return nil
}

func (l *Lab) probe(ctx context.Context) error {
	e := history.Event{Kind: history.Depth, Who: l.target.Queue}
	ready, consumers, err := l.admin.Depth(ctx, l.target.Queue)
	if err != nil {
		if l.ctx.Err() != nil {
			return nil // the run is over
		}
		e.Flags, e.Text = history.Failed, err.Error()
	}
	e.N, e.Code = int64(ready), int32(consumers)
	if err == nil { // of one without an answer the drain would take 0 for empty
		l.ready.Store(e.N)
	}
	l.record.Append(&e)
	return err
}
