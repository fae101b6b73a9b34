package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// How a process is struck.
const (
	kill  = "kill"
	term  = "term"
	pause = "pause"
)

// momentLimit bounds the wait for the moment at which a process is to be struck.
const momentLimit = 10 * time.Second

// blow strikes the process of one instance at a chosen moment.
type blow struct {
	how     string
	holding int    // deliveries that it must hold; 0: 1
	at      string // "" or "ack"
	before  func() // called directly before it strikes; nil: nothing
}

func (b blow) check(hows ...string) error {
	known := false
	for _, how := range hows {
		known = known || b.how == how
	}
	switch {
	case !known:
		return fmt.Errorf("how: %q, want one of %q", b.how, hows)
	case b.holding < 0 || b.holding > 65535:
		return fmt.Errorf("holding: %d, want 1 to 65535", b.holding)
	case b.at != "" && b.at != "ack":
		return fmt.Errorf("at: %q, want \"ack\" or nothing", b.at)
	case b.at == "ack" && b.how != kill:
		return fmt.Errorf("at: \"ack\" has a meaning with how: %q only", kill)
	case b.at == "ack" && b.holding > 0:
		return fmt.Errorf("at: \"ack\" and holding: %d exclude each other: both are the moment of the blow", b.holding)
	}
	return nil
}

// land waits for the moment, strikes, and waits until the process has ended or stands still. It tells
// what has happened. h follows the instance, whose number is n.
func (b blow) land(ctx context.Context, lab Lab, n int, t Target, h *held) (string, error) {
	if !t.Running() {
		return "", fmt.Errorf("%s does not run", t.Name())
	}
	if b.at == "ack" {
		return b.atAck(ctx, lab, n, t)
	}
	holds, err := h.full(ctx, t.Name(), max(b.holding, 1))
	if err != nil {
		return "", err
	}
	done, err := b.strike(ctx, t)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s held %d unsettled and %s", t.Name(), holds, done), nil
}

// atAck kills the process between its work and its ack: its acks are held back from then on.
func (b blow) atAck(ctx context.Context, lab Lab, n int, t Target) (string, error) {
	armed := arm(lab.Wires()[n:n+1], wire.Rule{
		Name: "kill at ack", Owner: idOf(ctx),
		Match:  wire.Match{Method: wire.BasicAck, Dir: wire.ToBroker},
		Action: wire.Swallow{},
	})
	defer disarm(armed)
	limited, cancel := context.WithTimeout(ctx, momentLimit)
	defer cancel()
	if err := anyHit(limited, armed); err != nil {
		return "", fmt.Errorf("waiting until %s acks: %w", t.Name(), err)
	}
	done, err := b.strike(ctx, t)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s before its ack had arrived", t.Name(), done), nil
}

func (b blow) strike(ctx context.Context, t Target) (done string, err error) {
	if b.before != nil {
		b.before()
	}
	switch b.how {
	case term:
		code, err := t.Terminate(ctx)
		return fmt.Sprintf("ended with %d when it was asked to", code), err
	case pause:
		return "stands still", t.Pause()
	default:
		return "was killed", t.Kill(ctx)
	}
}
