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
)

// LinkNames are the neighbours to which there may be a link.
var LinkNames = []string{LinkBroker, LinkAPI, LinkAI, LinkAlerts}

var linkKind = Kind{
	Name: "link", Args: []string{"name", "how"},
	Doc: "makes the TCP way between the target and a neighbour bad",
	Does: `latency makes every byte come later, bandwidth lets only so many through a second, in each direction of each connection.
half-open is a firewall that has forgotten its flows: on the connections that are open nothing passes any more, and neither
side hears of the other's end; new connections are fine. drip is a bad path on which new connections are put: one byte at a
time, so that a handshake takes minutes. What half-open and drip have taken stays so, also when healed: a heal spares the
connections to come. In effect once bytes of both sides were touched (half-open: of either), with drip once so many connections were; gone
once bytes of both sides have passed untouched.`,
	Correct: `Keeps up while a way is late, loses and repeats nothing while it is thin; notices by heartbeats that a connection is
dead; gives a handshake a limit and tries again on a new connection.`,
	Needs: "A link to that neighbour: links in incident().",
	New:   func() Fault { return &Link{} },
}

// Link makes the TCP way between the target and one of its neighbours bad.
type Link struct {
	Name        string          `json:"name" doc:"the neighbour: 'broker', 'api', 'ai' or 'alerts'"`
	How         string          `json:"how" doc:"latency, bandwidth, half-open or drip"`
	Instance    *int            `json:"instance" doc:"only the way of this instance of the target, from 0; left out: each one's"`
	Delay       script.Duration `json:"delay" doc:"of latency: how much later, each way; of drip: the time from byte to byte"`
	Jitter      script.Duration `json:"jitter" doc:"of latency: up to so much more, drawn from the seed"`
	Rate        int             `json:"rate" doc:"of bandwidth: bytes a second"`
	Connections int64           `json:"connections" doc:"of drip: it is in effect once it has taken so many; default 1"`
}

// trouble makes the link's trouble of what the script said, and refuses what makes no sense.
func (f *Link) trouble() (link.Trouble, error) {
	if !slices.Contains(LinkNames, f.Name) {
		return nil, fmt.Errorf("name: %q, want one of %s", f.Name, strings.Join(LinkNames, ", "))
	}
	timed := f.How == "latency" || f.How == "drip"
	switch {
	case timed != (f.Delay > 0) || f.Delay < 0:
		return nil, fmt.Errorf("delay: %v, want one above 0 with how: \"latency\" or \"drip\" and none otherwise", time.Duration(f.Delay))
	case f.Jitter < 0 || f.Jitter > 0 && f.How != "latency":
		return nil, fmt.Errorf("jitter: %v, want none, or one above 0 with how: \"latency\"", time.Duration(f.Jitter))
	case (f.How == "bandwidth") != (f.Rate > 0) || f.Rate < 0:
		return nil, fmt.Errorf("rate: %d, want one above 0 with how: \"bandwidth\" and none otherwise", f.Rate)
	case f.Connections < 0 || f.Connections > 0 && f.How != "drip":
		return nil, fmt.Errorf("connections: %d, want none, or one above 0 with how: \"drip\"", f.Connections)
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
	}
	return nil, fmt.Errorf("how: %q, want latency, bandwidth, half-open or drip", f.How)
}

// Inject implements Fault. It is in effect once each of the links has touched bytes of both sides.
func (f *Link) Inject(_ context.Context, lab Lab) (Injected, error) {
	trouble, err := f.trouble()
	if err != nil {
		return Injected{}, err
	}
	links, err := lab.Links(f.Name)
	if err != nil {
		return Injected{}, err
	}
	if links, err = ofInstance(links, f.Instance); err != nil {
		return Injected{}, err
	}
	release, err := claimLinks(lab, links)
	if err != nil {
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
		Gone: func(ctx context.Context) (string, error) { return passed(ctx, links) },
	}, nil
}

// inEffect waits until every link has touched what it is to touch.
func (f *Link) inEffect(ctx context.Context, armed []*link.Armed) (string, error) {
	least := max(f.Connections, 1)
	if f.How == "half-open" {
		least = 0 // what is lost may be the target's alone
	}
	err := until(ctx, func() bool {
		return !slices.ContainsFunc(armed, func(a *link.Armed) bool { return !f.touched(a) || a.Conns() < least })
	})
	var up, down, conns int64
	for _, a := range armed {
		up, down, conns = up+a.Touched().Up.Load(), down+a.Touched().Down.Load(), conns+a.Conns()
	}
	seen := fmt.Sprintf("%d bytes to the %s and %d from it, on %d connections, met by %s", up, f.Name, down, conns, f.How)
	if err != nil {
		return "", fmt.Errorf("waiting for bytes of both sides: %s: %w", seen, err)
	}
	return seen, nil
}

// touched tells whether a link has touched what shows its trouble. On a dead way one side may have
// nothing to say: it waits for the other.
func (f *Link) touched(a *link.Armed) bool {
	if f.How == "half-open" {
		return a.Touched().Up.Load()+a.Touched().Down.Load() > 0
	}
	return a.Touched().Both()
}

// passed waits until bytes of both sides have passed each link untouched from now on.
func passed(ctx context.Context, links []*link.Link) (string, error) {
	type bytes struct{ up, down int64 }
	before := make([]bytes, len(links))
	for i, l := range links {
		before[i] = bytes{l.Passed().Up.Load(), l.Passed().Down.Load()}
	}
	err := until(ctx, func() bool {
		for i, l := range links {
			if l.Passed().Up.Load() == before[i].up || l.Passed().Down.Load() == before[i].down {
				return false
			}
		}
		return true
	})
	if err != nil {
		return "", fmt.Errorf("waiting for bytes of both sides to pass: %w", err)
	}
	return "bytes of both sides passed untouched", nil
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
