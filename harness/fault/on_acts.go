package fault

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// act is one thing that On can do.
type act struct {
	make  func(f *On, seed uint64) wire.Action
	takes string // the parameter that it needs: "code", "delay", "for"; "": none
	only  string // the one method that it can be done to, with its sender; "": any
	chans bool   // it can be done on a channel only
}

// What acts on publishes and on deliveries only, and who sends them.
const (
	publishOnly = "basic.publish from target"
	deliverOnly = "basic.deliver from broker"
)

// acts are what On can do, by name.
var acts = map[string]act{
	"swallow":    {make: plain(wire.Swallow{})},
	"duplicate":  {make: plain(wire.Duplicate{})},
	"cut":        {make: plain(wire.Cut{When: wire.Before})},
	"cut-inside": {make: plain(wire.Cut{When: wire.Mid})},
	"cut-after":  {make: plain(wire.Cut{When: wire.After})},
	"corrupt":    {make: plain(wire.Corrupt{})},
	"stall":      {make: plain(wire.Stall{}), takes: "for"},
	"delay": {takes: "delay", make: func(f *On, seed uint64) wire.Action {
		return wire.Delay{For: time.Duration(f.Delay), Seed: seed}
	}},

	// In the broker's place, which is made to believe it, too.
	"close-channel":        {make: closeChannel(wire.CloseChannel{}), takes: "code", chans: true},
	"close-channel-after":  {make: closeChannel(wire.CloseChannel{After: true}), takes: "code", chans: true},
	"close-channel-before": {make: closeChannel(wire.CloseChannel{Late: true}), takes: "code", only: deliverOnly, chans: true},
	"close-connection": {takes: "code", make: func(f *On, _ uint64) wire.Action {
		return wire.CloseConnection{Code: f.Code, Text: closeText(f.Code)}
	}},
	"cancel": {make: plain(wire.CancelConsumer{}), only: deliverOnly, chans: true},
	"refuse": {make: plain(wire.RefusePublish{}), only: publishOnly, chans: true},
	"return": {make: plain(wire.ReturnPublish{}), only: publishOnly, chans: true},

	// What neither side has said, and the other does not know of.
	"phantom-reject":  {make: plain(wire.Phantom{Dir: wire.ToBroker, Frame: rejectNothing}), chans: true},
	"phantom-cancel":  {make: plain(wire.Phantom{Dir: wire.ToClient, Frame: cancelOf}), only: deliverOnly, chans: true},
	"phantom-block":   {make: plain(wire.Block{Reason: "put on the wire by comeback"})},
	"phantom-unblock": {make: plain(wire.Unblock{})},
}

func plain(a wire.Action) func(*On, uint64) wire.Action {
	return func(*On, uint64) wire.Action { return a }
}

func closeChannel(a wire.CloseChannel) func(*On, uint64) wire.Action {
	return func(f *On, _ uint64) wire.Action {
		a.Code, a.Text = f.Code, closeText(f.Code)
		return a
	}
}

// rejectNothing rejects a tag that no delivery ever has.
func rejectNothing(e *wire.Event) []byte { return wire.RejectFrame(e.Chan, 0, false) }

// cancelOf cancels the consumer that a delivery is for.
func cancelOf(e *wire.Event) []byte { return wire.CancelFrame(e.Chan, string(e.Text), true) }

// action gives what is to be done, and refuses what makes no sense with the method or the parameters.
func (f *On) action(method wire.Method, seed uint64) (wire.Action, error) {
	a, ok := acts[f.Do]
	if !ok {
		return nil, fmt.Errorf("do: %q, want one of %s", f.Do, strings.Join(slices.Sorted(maps.Keys(acts)), ", "))
	}
	if subject := method.String() + " from " + f.From; a.only != "" && subject != a.only {
		return nil, fmt.Errorf("do: %q is possible with %s only, not with %s", f.Do, a.only, subject)
	}
	if class := method >> 16; a.chans && (class < wire.ChannelOpen>>16 || class > wire.TxSelect>>16) {
		return nil, fmt.Errorf("do: %q is possible with a method of a channel only, not with %s", f.Do, method)
	}
	switch {
	case a.takes == "code" && f.Code < 300:
		return nil, fmt.Errorf("code: %d, want an AMQP reply code such as 406", f.Code)
	case a.takes != "code" && f.Code != 0:
		return nil, fmt.Errorf("code: %d has no meaning with do: %q", f.Code, f.Do)
	case (a.takes == "delay") != (f.Delay > 0) || f.Delay < 0:
		return nil, fmt.Errorf("delay: %v, want one above 0 with do: \"delay\" and none otherwise", time.Duration(f.Delay))
	case (a.takes == "for") != (f.For > 0) || f.For < 0:
		return nil, fmt.Errorf("for: %v, want one above 0 with do: \"stall\" and none otherwise", time.Duration(f.For))
	}
	return a.make(f, seed), nil
}

func closeText(code uint16) string {
	switch code {
	case 404:
		return "NOT_FOUND - put on the wire by comeback"
	case 406:
		return "PRECONDITION_FAILED - unknown delivery tag"
	case 320:
		return "CONNECTION_FORCED - put on the wire by comeback"
	case 541:
		return "INTERNAL_ERROR - put on the wire by comeback"
	default:
		return "put on the wire by comeback"
	}
}
