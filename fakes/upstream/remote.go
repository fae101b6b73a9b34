package upstream

import (
	"context"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/remote"
)

// msgLedger carries records, upstream → lab.
const msgLedger = "ledger"

// Remote is the lab's side of one upstream, over all its restarts. The zero value works: an empty script.
type Remote struct {
	OnRecord func(Record) // told of each request, twice; one call at a time, in order. It must not call the Remote. Nil: not told
	remote.Remote[Script, Rule, Event]
}

// Armed is a rule in force.
type Armed = remote.Armed[Script, Rule, Event]

// Serve implements control.Handler.
func (r *Remote) Serve(ctx context.Context, c *control.Conn) error {
	peer := c.Peer()
	return r.ServeWith(ctx, c, func(m control.Message) error {
		if m.Type != msgLedger {
			return fmt.Errorf("upstream %s said %q, which the lab does not know", peer.Name, m.Type)
		}
		var batch []Record
		if err := m.Into(&batch); err != nil {
			return err
		}
		for _, rec := range batch {
			rec.Backend, rec.Pid = peer.Name, peer.Pid
			if r.OnRecord != nil {
				r.OnRecord(rec)
			}
		}
		return nil
	})
}

// Remotes is the upstreams of a lab by name; it is the control.Handler of Role.
type Remotes map[string]*Remote

// Serve implements control.Handler.
func (r Remotes) Serve(ctx context.Context, c *control.Conn) error {
	one, ok := r[c.Peer().Name]
	if !ok {
		return fmt.Errorf("no upstream with name %q belongs to this lab", c.Peer().Name)
	}
	return one.Serve(ctx, c)
}
