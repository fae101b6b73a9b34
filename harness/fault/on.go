package fault

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// On acts on AMQP methods that pass between the target and the broker.
type On struct {
	Method  string          `json:"method"`  // "ack", "deliver", "publish", …, or in full: "basic.ack"
	Do      string          `json:"do"`      // what happens: see actions
	From    string          `json:"from"`    // "target" (default) or "broker": who sends the method
	Nth     uint64          `json:"nth"`     // only the n-th from now on; 0: every one
	Every   uint64          `json:"every"`   // every k-th
	Times   uint64          `json:"times"`   // at most so often; 0: no limit
	Message string          `json:"message"` // only for the message of this id
	Chance  float64         `json:"chance"`  // with this probability, 0 to 1, drawn from the seed; 0: always
	Delay   script.Duration `json:"delay"`   // of delay
	Code    uint16          `json:"code"`    // of close-channel and close-connection: reply code
}

// actions are what On can do, by name.
var actions = map[string]func(f *On, seed uint64) wire.Action{
	"swallow":          func(*On, uint64) wire.Action { return wire.Swallow{} },
	"duplicate":        func(*On, uint64) wire.Action { return wire.Duplicate{} },
	"delay":            func(f *On, seed uint64) wire.Action { return wire.Delay{For: time.Duration(f.Delay), Seed: seed} },
	"cut":              func(*On, uint64) wire.Action { return wire.Cut{When: wire.Before} },
	"cut-inside":       func(*On, uint64) wire.Action { return wire.Cut{When: wire.Mid} },
	"cut-after":        func(*On, uint64) wire.Action { return wire.Cut{When: wire.After} },
	"stall":            func(*On, uint64) wire.Action { return wire.Stall{} },
	"corrupt":          func(*On, uint64) wire.Action { return wire.Corrupt{} },
	"close-channel":    func(f *On, _ uint64) wire.Action { return wire.CloseChannel{Code: f.Code, Text: closeText(f.Code)} },
	"close-connection": func(f *On, _ uint64) wire.Action { return wire.CloseConnection{Code: f.Code, Text: closeText(f.Code)} },
}

// Inject implements Fault. It is in effect once it has acted, and gone once such a method has passed
// without being acted on.
func (f *On) Inject(ctx context.Context, lab Lab) (Injected, error) {
	rule, err := f.rule(lab.Seed())
	if err != nil {
		return Injected{}, err
	}
	rule.Owner = idOf(ctx)
	armed := arm(lab, rule)
	var passing []*wire.Armed
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			if err := anyHit(ctx, armed); err != nil {
				return "", fmt.Errorf("waiting for a %s from the %s: %w", rule.Method, f.From, err)
			}
			return fmt.Sprintf("%s met by %s", rule.Method, f.Do), nil
		},
		Heal: func(context.Context) error {
			disarm(armed)
			watched := rule
			watched.Match = wire.Match{Method: rule.Method, Dir: rule.Dir}
			watched.Action, watched.Owner = pass{}, 0
			passing = arm(lab, watched)
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			defer disarm(passing)
			if err := anyHit(ctx, passing); err != nil {
				return "", fmt.Errorf("waiting for a %s to pass: %w", rule.Method, err)
			}
			return fmt.Sprintf("a %s passed untouched", rule.Method), nil
		},
	}, nil
}

// rule makes the wire's rule of what the script said, and refuses what makes no sense.
func (f *On) rule(seed uint64) (wire.Rule, error) {
	name := f.Method
	if !strings.Contains(name, ".") {
		name = "basic." + name
	}
	method, err := wire.ParseMethod(name)
	if err != nil {
		return wire.Rule{}, fmt.Errorf("method: %w", err)
	}
	action, ok := actions[f.Do]
	if !ok {
		return wire.Rule{}, fmt.Errorf("do: %q, want one of %s", f.Do, strings.Join(slices.Sorted(maps.Keys(actions)), ", "))
	}
	dir := wire.ToBroker
	switch f.From {
	case "", "target":
		f.From = "target"
	case "broker":
		dir = wire.ToClient
	default:
		return wire.Rule{}, fmt.Errorf("from: %q, want \"target\" or \"broker\"", f.From)
	}
	switch closes := strings.HasPrefix(f.Do, "close-"); {
	case f.Chance < 0 || f.Chance > 1:
		return wire.Rule{}, fmt.Errorf("chance: %v, want 0 to 1", f.Chance)
	case closes && f.Code < 300:
		return wire.Rule{}, fmt.Errorf("code: %d, want an AMQP reply code such as 406", f.Code)
	case !closes && f.Code != 0:
		return wire.Rule{}, fmt.Errorf("code: %d has no meaning with do: %q", f.Code, f.Do)
	case (f.Do == "delay") != (f.Delay > 0):
		return wire.Rule{}, fmt.Errorf("delay: %v, want one above 0 with do: \"delay\" and none otherwise", time.Duration(f.Delay))
	}
	return wire.Rule{
		Name:   "on " + name,
		Match:  wire.Match{Method: method, Dir: dir, Nth: f.Nth, Every: f.Every, Limit: f.Times, MessageID: f.Message, Probability: f.Chance},
		Action: action(f, seed),
	}, nil
}

func closeText(code uint16) string {
	switch code {
	case 404:
		return "NOT_FOUND - put on the wire by comeback"
	case 406:
		return "PRECONDITION_FAILED - unknown delivery tag"
	case 320:
		return "CONNECTION_FORCED - put on the wire by comeback"
	default:
		return "put on the wire by comeback"
	}
}

// pass leaves a frame alone: what it hits has passed.
type pass struct{}

func (pass) Plan(*wire.Event, *wire.Plan) {}

func arm(lab Lab, r wire.Rule) []*wire.Armed {
	var all []*wire.Armed
	for _, w := range lab.Wires() {
		all = append(all, w.Add(r))
	}
	return all
}

func disarm(all []*wire.Armed) {
	for _, a := range all {
		a.Remove()
	}
}

// anyHit waits until one of the rules has acted.
func anyHit[R interface{ Hit() <-chan struct{} }](ctx context.Context, all []R) error {
	ctx, done := context.WithCancel(ctx)
	defer done()
	hit := make(chan struct{}, len(all))
	for _, a := range all {
		go func() {
			select {
			case <-a.Hit():
				hit <- struct{}{}
			case <-ctx.Done():
			}
		}()
	}
	select {
	case <-hit:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
