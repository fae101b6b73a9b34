package harness

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// What can be expected of targets of one kind only, by its name in a script: no check would look at it with
// one of the other kind.
var (
	expectOfQueue = []string{
		"lost", "duplicates", "stall", "takeover", "fairShare", "worksOn", "inFlight", "prefetch", "reconnects", "hooks",
	}
	expectOfRequests = []string{
		"unanswered", "errors", "turnedAway", "askedAgain", "retries", "version", "rotation", "serves", "backIn",
		"latency", "cached", "fresh", "users", "readers",
	}
)

// suits tells whether the scenario can be played on the target.
func (s Spec) suits(t target.Target) error {
	switch {
	case s.Sweep != nil || t.Swept():
		return s.suitsSweep(t)
	case t.HTTP != "" && len(s.Backends) == 0:
		return fmt.Errorf("backends: none: target %s answers requests for those behind it", t.Name)
	case t.HTTP == "" && len(s.Backends) > 0:
		return fmt.Errorf("backends: target %s consumes a queue, and there is nothing behind it", t.Name)
	case t.HTTP != "" && (s.OwnBroker || s.Instances > 1):
		return fmt.Errorf("broker, instances: target %s answers requests: it has no broker, and runs once", t.Name)
	}
	for _, name := range s.Links {
		if (name == fault.LinkBackend) != (t.HTTP != "") {
			return fmt.Errorf("links: %q is no neighbour of target %s", name, t.Name)
		}
	}
	said, err := expected(s.Expect)
	if err != nil {
		return err
	}
	others, kind := expectOfRequests, "consumes a queue"
	if t.HTTP != "" {
		others, kind = expectOfQueue, "answers requests"
	}
	for _, name := range others {
		if said[name] {
			return fmt.Errorf("expect.%s: target %s %s, of which no check looks at that", name, t.Name, kind)
		}
	}
	return nil
}

// suitsSweep tells whether the target can be swept, and whether the scenario does nothing but that.
func (s Spec) suitsSweep(t target.Target) error {
	said, err := expected(s.Expect)
	switch {
	case err != nil:
		return err
	case s.Sweep == nil:
		return fmt.Errorf("sweep: missing: target %s is started with {%s} workers, and only a sweep knows their number", t.Name, target.Workers)
	case !t.Swept():
		return fmt.Errorf("sweep: target %s has no {%s} in its command or env (comeback.yaml), so that its number of workers cannot be chosen", t.Name, target.Workers)
	case len(s.Backends)+len(s.Links) > 0 || s.OwnBroker || s.Instances > 1 || len(said) > 0:
		return fmt.Errorf("sweep: target %s is measured by itself: without backends, links, broker, instances, expect", t.Name)
	}
	return nil
}

// expected gives the names of what is expected.
func expected(e history.Expect) (map[string]bool, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("expect: %w", err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("expect: %w", err)
	}
	said := map[string]bool{}
	for name := range all {
		said[name] = true
	}
	return said, nil
}

// checkOverload tells what is wrong with what is expected of a target that has too much to do, or to keep.
func checkOverload(e history.Expect) error {
	switch {
	case e.Latency != nil && (e.Latency.P99 <= 0 || e.Latency.Path != "" && e.Latency.Path[0] != '/'):
		return errors.New("expect.latency: it wants a p99 above 0, and a path, if any, that begins with /")
	case e.Cached < 0 || e.Cached > 1:
		return fmt.Errorf("expect.cached: %v, want 0 to 1", e.Cached)
	case e.Fresh < 0 || e.Fresh > 1 || e.Fresh > 0 && e.Cached == 0:
		return fmt.Errorf("expect.fresh: %v, want 0 to 1, and expect.cached beside it", e.Fresh)
	case e.Users < 0 || e.Memory < 0:
		return errors.New("expect: neither users nor memory may be negative")
	case e.Readers != nil && e.Readers.Whole < 0:
		return fmt.Errorf("expect.readers.whole: %d, want 0 or more", e.Readers.Whole)
	case e.Readers != nil && (e.Readers.Min < 0 || e.Readers.Max <= e.Readers.Min):
		return fmt.Errorf("expect.readers: cut after %v to %v, want a max above 0 and above min", e.Readers.Min, e.Readers.Max)
	case e.NoFault && e.Memory > 0:
		return errors.New("expect.memory: it is what a fault may cost: noFault excludes it")
	}
	return nil
}
