package fault

import (
	"context"
	"fmt"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/harness/link"
)

// inEffect waits until every link has touched what it is to touch.
func (f *Link) inEffect(ctx context.Context, armed []*link.Armed) (string, error) {
	least := max(f.Connections, 1)
	if f.How == "half-open" {
		least = 0 // what is lost may be the target's alone
	}
	err := until(ctx, func() bool {
		return !slices.ContainsFunc(armed, func(a *link.Armed) bool { return !f.touched(a) || a.Conns() < least })
	})
	var up, down, conns, ends int64
	for _, a := range armed {
		up, down, conns, ends = up+a.Touched().Up.Load(), down+a.Touched().Down.Load(), conns+a.Conns(), ends+a.Ends()
	}
	if f.How == "slow-close" {
		if err != nil {
			return "", fmt.Errorf("waiting until a connection to the %s is closed: %w", f.Name, err)
		}
		return fmt.Sprintf("%d ends of connections to the %s came late", ends, f.Name), nil
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
	switch f.How {
	case "half-open":
		return a.Touched().Up.Load()+a.Touched().Down.Load() > 0
	case "reset":
		return a.Touched().Down.Load() > 0
	case "slow-close":
		return a.Ends() > 0
	}
	return a.Touched().Both()
}

// ended waits until the end of a connection has passed each link at once from now on.
func ended(ctx context.Context, links []*link.Link) (string, error) {
	before := make([]int64, len(links))
	for i, l := range links {
		before[i] = l.Ended()
	}
	err := until(ctx, func() bool {
		for i, l := range links {
			if l.Ended() == before[i] {
				return false
			}
		}
		return true
	})
	if err != nil {
		return "", fmt.Errorf("waiting for the end of a connection to pass: %w", err)
	}
	return "the end of a connection passed at once", nil
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
