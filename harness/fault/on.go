package fault

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

var onKind = Kind{
	Name: "on", Args: []string{"method", "do"},
	Doc: "acts on AMQP methods between target and broker",
	Does: `Changes, holds back, repeats, drops or answers the chosen methods on their way between an instance of the target and the
broker, or ends the connection at them. In effect once it has acted, a delay or a stall once its time has passed besides;
gone once such a method has passed untouched.`,
	Correct: `Loses nothing and reports nothing twice: opens a new channel or connection when the old one is gone, recognises
what comes again, and settles each delivery once, on its own channel.`,
	New: func() Fault { return &On{} },
}

// On acts on AMQP methods that pass between the target and the broker.
type On struct {
	Method  string          `json:"method" doc:"'ack', 'deliver', 'publish', …, or in full: 'basic.ack'"`
	Do      string          `json:"do" doc:"what happens: swallow, duplicate, delay, cut, cut-inside, cut-after, stall, corrupt, close-channel, close-connection"`
	From    string          `json:"from" doc:"'target' (default) or 'broker': who sends the method"`
	Nth     uint64          `json:"nth" doc:"only the n-th from now on; 0: every one"`
	Every   uint64          `json:"every" doc:"every k-th"`
	Times   uint64          `json:"times" doc:"at most so often; 0: no limit"`
	Message string          `json:"message" doc:"only for the message of this id"`
	Chance  float64         `json:"chance" doc:"with this probability, 0 to 1, drawn from the seed; 0: always"`
	Delay   script.Duration `json:"delay" doc:"of delay"`
	For     script.Duration `json:"for" doc:"of stall: how long nothing may have passed before it counts as in effect"`
	Code    uint16          `json:"code" doc:"of close-channel and close-connection: reply code"`
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

// Inject implements Fault. It is in effect once it has acted, a delay or a stall once its time has
// passed besides. It is gone once such a method has passed without being acted on.
func (f *On) Inject(ctx context.Context, lab Lab) (Injected, error) {
	rule, err := f.rule(lab.Seed())
	if err != nil {
		return Injected{}, err
	}
	rule.Owner = idOf(ctx)
	armed := arm(lab, rule)
	healed := make(chan struct{})
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			if err := anyHit(ctx, armed); err != nil {
				return "", fmt.Errorf("waiting for a %s from the %s: %w", rule.Method, f.From, err)
			}
			if err := f.last(ctx, healed); err != nil {
				return "", err
			}
			return fmt.Sprintf("%s met by %s", rule.Method, f.Do), nil
		},
		Heal: func(context.Context) error {
			close(healed)
			disarm(armed)
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			passing := arm(lab, wire.Rule{
				Name:   rule.Name,
				Match:  wire.Match{Method: rule.Method, Dir: rule.Dir, Limit: 1}, // it may not stand before the rules to come
				Action: pass{},
			})
			defer disarm(passing)
			if err := anyHit(ctx, passing); err != nil {
				return "", fmt.Errorf("waiting for a %s to pass: %w", rule.Method, err)
			}
			return fmt.Sprintf("a %s passed untouched", rule.Method), nil
		},
	}, nil
}

// last waits until what holds the bytes back has done so for its time: healing lets them go at once.
func (f *On) last(ctx context.Context, healed <-chan struct{}) error {
	d := time.Duration(f.Delay + f.For) // rule has seen to it that one of them is 0
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-healed:
		return fmt.Errorf("it was healed before its %s had lasted for %v", f.Do, d)
	case <-ctx.Done():
		return fmt.Errorf("waiting until its %s has lasted for %v: %w", f.Do, d, context.Cause(ctx))
	}
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
	case (f.Do == "delay") != (f.Delay > 0) || f.Delay < 0:
		return wire.Rule{}, fmt.Errorf("delay: %v, want one above 0 with do: \"delay\" and none otherwise", time.Duration(f.Delay))
	case (f.Do == "stall") != (f.For > 0) || f.For < 0:
		return wire.Rule{}, fmt.Errorf("for: %v, want one above 0 with do: \"stall\" and none otherwise", time.Duration(f.For))
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

// anyHit waits until one of the rules has acted. What has acted counts, also when ctx is done.
func anyHit[R interface{ Hit() <-chan struct{} }](ctx context.Context, all []R) error {
	given, done := context.WithCancel(ctx)
	defer done()
	hit := make(chan struct{})
	var once sync.Once
	for _, a := range all {
		go func() {
			if closed(given, a.Hit()) == nil {
				once.Do(func() { close(hit) })
			}
		}()
	}
	if err := closed(ctx, hit); err == nil {
		return nil
	}
	for _, a := range all {
		if closed(ctx, a.Hit()) == nil {
			return nil
		}
	}
	return context.Cause(ctx)
}
