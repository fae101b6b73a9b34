package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
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
broker, or ends the connection at them. close-channel and close-connection take the method away and close in the broker's
place, with a code; close-channel-after lets the method pass first, and close-channel-before lets a delivery come behind
the close, as a broker may that had sent it already, which a client library answers by closing the connection; cancel
ends the consumer of a delivery; refuse answers a publish with a nack, return gives it back as unroutable. The broker is
made to believe it, too. A phantom is a frame that nobody has sent, put behind the method, of which the other side does
not know: phantom-reject rejects the tag 0, which the broker answers with 406, phantom-cancel cancels a consumer that the
broker goes on serving, and phantom-block says that the connection is blocked, which only a phantom-unblock takes back.
In effect once it has acted, a delay or a stall once its time has passed besides; gone once such a method has passed
untouched.`,
	Correct: `Loses nothing and reports nothing twice: opens a new channel or connection when the old one is gone, recognises
what comes again, and settles each delivery once, on its own channel.`,
	New: func() Fault { return &On{} },
}

// On acts on AMQP methods that pass between the target and the broker.
type On struct {
	Method   string          `json:"method" doc:"'ack', 'deliver', 'publish', …, or in full: 'basic.ack'; 'any': every method"`
	Do       string          `json:"do" doc:"what happens: swallow, duplicate, delay, cut, cut-inside, cut-after, stall or corrupt; in the broker's place close-channel, close-channel-after, close-channel-before, close-connection, cancel, refuse or return; what nobody said: phantom-reject, phantom-cancel, phantom-block or phantom-unblock"`
	From     string          `json:"from" doc:"'target' (default), 'broker' or 'either': who sends the method"`
	Instance *int            `json:"instance" doc:"only at this instance of the target, from 0; left out: at each"`
	Nth      uint64          `json:"nth" doc:"only the n-th from now on, over all instances; 0: every one"`
	Within   uint64          `json:"within" doc:"only one of the first so many, which one is drawn from the seed"`
	Every    uint64          `json:"every" doc:"every k-th, over all instances"`
	Times    uint64          `json:"times" doc:"at most so often, over all instances; 0: no limit"`
	Message  string          `json:"message" doc:"only for the message of this id"`
	Chance   float64         `json:"chance" doc:"with this probability, 0 to 1, drawn from the seed; 0: always"`
	Delay    script.Duration `json:"delay" doc:"of delay"`
	For      script.Duration `json:"for" doc:"of stall: how long nothing may have passed before it counts as in effect"`
	Code     uint16          `json:"code" doc:"of close-…: reply code, 300 or more"`
}

// Inject implements Fault. It is in effect once it has acted, a delay or a stall once its time has
// passed besides. It is gone once such a method has passed without being acted on.
func (f *On) Inject(ctx context.Context, lab Lab) (Injected, error) {
	rule, err := f.rule(lab.Seed())
	if err != nil {
		return Injected{}, err
	}
	wires, err := f.wires(lab)
	if err != nil {
		return Injected{}, err
	}
	rule.Owner = idOf(ctx)
	if f.Within > 0 {
		rule.Nth = 1 + drawn(lab.Seed(), uint64(rule.Owner), f.Within)
	}
	armed := arm(wires, rule)
	healed := make(chan struct{})
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			if err := anyHit(ctx, armed); err != nil {
				return "", fmt.Errorf("waiting for a %s from the %s: %w", rule.Method, f.From, err)
			}
			if err := lasted(ctx, f.Do, time.Duration(f.Delay+f.For), healed); err != nil {
				return "", err
			}
			return f.evidence(rule), nil
		},
		Spent: spent(turns{f.Do + " at " + f.Method, int(f.Times), func() int { return hits(armed) }}),
		Heal: func(context.Context) error {
			close(healed)
			disarm(armed)
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			passing := arm(wires, wire.Rule{Name: rule.Name, Match: wire.Match{Method: rule.Method, Dir: rule.Dir}})
			defer disarm(passing)
			if err := anyHit(ctx, passing); err != nil {
				return "", fmt.Errorf("waiting for a %s to pass: %w", rule.Method, err)
			}
			return fmt.Sprintf("%s passed untouched", rule.Method), nil
		},
	}, nil
}

// hits is how often the rules have acted.
func hits(all []*wire.Armed) int {
	n := uint64(0)
	for _, a := range all {
		n += a.Hits()
	}
	return int(n)
}

// evidence tells what was met, and which of them where that was drawn.
func (f *On) evidence(r wire.Rule) string {
	if f.Within > 0 {
		return fmt.Sprintf("%s, number %d, met by %s", r.Method, r.Nth, f.Do)
	}
	return fmt.Sprintf("%s met by %s", r.Method, f.Do)
}

// rule makes the wire's rule of what the script said, and refuses what makes no sense.
func (f *On) rule(seed uint64) (wire.Rule, error) {
	method, err := f.method()
	if err != nil {
		return wire.Rule{}, fmt.Errorf("method: %w", err)
	}
	dir := wire.ToBroker
	switch f.From {
	case "", "target":
		f.From = "target"
	case "broker":
		dir = wire.ToClient
	case "either":
		dir = wire.AnyDirection
	default:
		return wire.Rule{}, fmt.Errorf("from: %q, want \"target\", \"broker\" or \"either\"", f.From)
	}
	if f.Within > 0 && f.Nth+f.Every > 0 {
		return wire.Rule{}, fmt.Errorf("within: %d has no meaning with nth or every", f.Within)
	}
	if f.Chance < 0 || f.Chance > 1 {
		return wire.Rule{}, fmt.Errorf("chance: %v, want 0 to 1", f.Chance)
	}
	action, err := f.action(method, seed)
	if err != nil {
		return wire.Rule{}, err
	}
	return wire.Rule{
		Name:   "on " + method.String(),
		Match:  wire.Match{Method: method, Dir: dir, Nth: f.Nth, Every: f.Every, Limit: f.Times, MessageID: f.Message, Probability: f.Chance},
		Action: action,
	}, nil
}

// method reads the method's name.
func (f *On) method() (wire.Method, error) {
	switch {
	case f.Method == "any":
		return wire.AnyMethod, nil
	case strings.Contains(f.Method, "."):
		return wire.ParseMethod(f.Method)
	}
	return wire.ParseMethod("basic." + f.Method)
}

// drawn gives a number under most that follows from the seed and the fault's number alone.
func drawn(seed, id, most uint64) uint64 {
	return rand.New(rand.NewPCG(seed, id)).Uint64N(most) //nolint:gosec // repeatable on purpose
}

// wires are those of the instances that it acts on.
func (f *On) wires(lab Lab) ([]*wire.Wire, error) {
	return ofInstance(lab.Wires(), f.Instance)
}

// arm puts the rule on each of the wires; they count together.
func arm(wires []*wire.Wire, r wire.Rule) []*wire.Armed {
	r.Count = new(wire.Count)
	var all []*wire.Armed
	for _, w := range wires {
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
