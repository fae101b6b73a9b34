package fault

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/link"
)

// The neighbours to which there may be a link.
const (
	LinkBroker = "broker"
	LinkAPI    = "api"
	LinkAI     = "ai"
	LinkAlerts = "alerts"

	LinkBackend = "backend" // of a target that answers requests: one for each backend
)

// LinkNames are the neighbours to which there may be a link.
var LinkNames = []string{LinkBroker, LinkAPI, LinkAI, LinkAlerts, LinkBackend}

var linkKind = Kind{
	Of:   Either,
	Name: "link", Args: []string{"name", "how"},
	Doc: "makes the TCP way between the target and a neighbour bad",
	Does: `latency makes every byte come later, bandwidth lets only so many through a second, in each direction of each connection.
half-open is a firewall that has forgotten its flows: on the connections that are open nothing passes any more, and neither
side hears of the other's end; new connections are fine. drip is a bad path on which new connections are put: one byte at a
time, so that a handshake takes minutes. What half-open and drip have taken stays so, also when healed: a heal spares the
connections to come. reset lets the target ask and the neighbour do its work; once so much of the answer has come, the next of it is
lost and both sides get a reset. slow-close tells each side late that the other has closed. In effect once bytes of both sides were
touched (half-open: of either; reset: of the neighbour's; slow-close: once an end has come late), with drip once so many connections
were; gone once bytes of both sides have passed untouched (slow-close: once an end has).`,
	Correct: `Keeps up while a way is late, loses and repeats nothing while it is thin; notices by heartbeats that a connection is
dead; gives a handshake a limit and tries again on a new connection. With several backends, of which one is behind the bad way: has
the others do the work; asks another one only for what may be done twice, and within its budget; gives no part of an answer
out as the whole; waits for no end once it has the whole.`,
	Needs: "A link to that neighbour: links in incident().",
	New:   func() Fault { return &Link{} },
}

// Link makes the TCP way between the target and one of its neighbours bad.
type Link struct {
	Name        string          `json:"name" doc:"the neighbour: 'broker', 'api', 'ai', 'alerts' or 'backend'"`
	How         string          `json:"how" doc:"latency, bandwidth, half-open, drip, reset or slow-close"`
	Instance    *int            `json:"instance" doc:"only the way of this instance of the target, from 0; left out: each one's"`
	Backend     *int            `json:"backend" doc:"of 'backend': only the way to this one, from 0; left out: to each"`
	Delay       script.Duration `json:"delay" doc:"of latency: how much later, each way; of drip: the time from byte to byte; of slow-close: how late an end is"`
	Jitter      script.Duration `json:"jitter" doc:"of latency: up to so much more, drawn from the seed"`
	Rate        int             `json:"rate" doc:"of bandwidth: bytes a second"`
	Connections int64           `json:"connections" doc:"of drip: it is in effect once it has taken so many; default 1"`
	After       int             `json:"after" doc:"of reset: bytes of the neighbour's that a connection brings before; default 0"`
}

// trouble makes the link's trouble of what the script said, and refuses what makes no sense.
func (f *Link) trouble() (link.Trouble, error) {
	if !slices.Contains(LinkNames, f.Name) {
		return nil, fmt.Errorf("name: %q, want one of %s", f.Name, strings.Join(LinkNames, ", "))
	}
	timed := f.How == "latency" || f.How == "drip" || f.How == "slow-close"
	switch {
	case f.Backend != nil && f.Name != LinkBackend:
		return nil, fmt.Errorf("backend: %d, want none with name: %q", *f.Backend, f.Name)
	case f.Instance != nil && f.Name == LinkBackend:
		return nil, fmt.Errorf("instance: %d, want none with name: %q, but backend", *f.Instance, f.Name)
	case timed != (f.Delay > 0) || f.Delay < 0:
		return nil, fmt.Errorf("delay: %v, want one above 0 with how: \"latency\", \"drip\" or \"slow-close\" and none otherwise", time.Duration(f.Delay))
	case f.Jitter < 0 || f.Jitter > 0 && f.How != "latency":
		return nil, fmt.Errorf("jitter: %v, want none, or one above 0 with how: \"latency\"", time.Duration(f.Jitter))
	case (f.How == "bandwidth") != (f.Rate > 0) || f.Rate < 0:
		return nil, fmt.Errorf("rate: %d, want one above 0 with how: \"bandwidth\" and none otherwise", f.Rate)
	case f.Connections < 0 || f.Connections > 0 && f.How != "drip":
		return nil, fmt.Errorf("connections: %d, want none, or one above 0 with how: \"drip\"", f.Connections)
	case f.After < 0 || f.After > 0 && f.How != "reset":
		return nil, fmt.Errorf("after: %d, want none, or one above 0 with how: \"reset\"", f.After)
	}
	switch f.How {
	case "latency":
		return link.Latency{For: time.Duration(f.Delay), Jitter: time.Duration(f.Jitter)}, nil
	case "bandwidth":
		return link.Bandwidth{Rate: f.Rate}, nil
	case "half-open":
		return link.HalfOpen{}, nil
	case "drip":
		return link.Drip{Every: time.Duration(f.Delay)}, nil
	case "reset":
		return link.Reset{After: f.After}, nil
	case "slow-close":
		return link.SlowClose{For: time.Duration(f.Delay)}, nil
	}
	return nil, fmt.Errorf("how: %q, want latency, bandwidth, half-open, drip, reset or slow-close", f.How)
}

// Inject implements Fault. It is in effect once each of the links has touched bytes of both sides.
func (f *Link) Inject(ctx context.Context, lab Lab) (Injected, error) {
	trouble, err := f.trouble()
	if err != nil {
		return Injected{}, err
	}
	links, err := lab.Links(f.Name)
	if err != nil {
		return Injected{}, err
	}
	if f.Name == LinkBackend {
		links, err = ofBackend(links, f.Backend)
	} else {
		links, err = ofInstance(links, f.Instance)
	}
	if err != nil {
		return Injected{}, err
	}
	release, err := claimLinks(lab, links)
	if err != nil {
		return Injected{}, err
	}
	if err := f.used(ctx, lab); err != nil {
		release()
		return Injected{}, err
	}
	var armed []*link.Armed
	for _, l := range links {
		armed = append(armed, l.Add(trouble))
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) { return f.inEffect(ctx, armed) },
		Heal: func(context.Context) error {
			for _, a := range armed {
				a.Remove()
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			if f.How == "slow-close" {
				return ended(ctx, links)
			}
			return passed(ctx, links)
		},
	}, nil
}

// used waits until the way to each of the backends has brought a request: health checks alone, on a way that the load does
// not take, would put the trouble in effect for nobody.
func (f *Link) used(ctx context.Context, lab Lab) error {
	if f.Name != LinkBackend {
		return nil
	}
	for n, b := range lab.Backends() {
		if f.Backend != nil && *f.Backend != n {
			continue
		}
		if err := takes(ctx, lab, b); err != nil {
			return err
		}
	}
	return nil
}

// claimLinks takes the links for one fault: of two, only the first would act.
func claimLinks(lab Lab, links []*link.Link) (release func(), err error) {
	var names []string
	for _, l := range links {
		names = append(names, "the link "+l.Name())
	}
	return claims(lab, names)
}

// ofInstance picks what belongs to one instance, all when n is nil.
func ofInstance[T any](all []T, n *int) ([]T, error) {
	if n == nil {
		return all, nil
	}
	if *n < 0 || *n >= len(all) {
		return nil, fmt.Errorf("instance: %d, want 0 to %d: the run has that many (instances in incident())", *n, len(all)-1)
	}
	return all[*n : *n+1], nil
}

// ofBackend picks the link to one backend, all when n is nil.
func ofBackend(all []*link.Link, n *int) ([]*link.Link, error) {
	if n == nil {
		return all, nil
	}
	if *n < 0 || *n >= len(all) {
		return nil, fmt.Errorf("backend: %d, want 0 to %d: the run has that many (backends in incident())", *n, len(all)-1)
	}
	return all[*n : *n+1], nil
}

// lookPeriod is how often until looks.
const lookPeriod = 10 * time.Millisecond

// until waits until ok says so. What is so counts, also when ctx is done.
func until(ctx context.Context, ok func() bool) error {
	tick := time.NewTicker(lookPeriod)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			if ok() {
				return nil
			}
			return context.Cause(ctx)
		}
	}
	return nil
}
