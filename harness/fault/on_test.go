package fault

import (
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

func TestOnWantsAnInstanceThatThereIs(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 1} {
		f := On{Method: "ack", Do: "cut", Instance: &n}
		_, err := f.Inject(t.Context(), &bench{wires: []*wire.Wire{wire.New(wire.Config{})}})
		require.ErrorContains(t, err, "want 0 to 0")
	}
}

// What a phantom puts on the wire, behind the frame that it waits for.
func TestOnPhantoms(t *testing.T) {
	t.Parallel()
	ack := wire.AckFrame(1, 7, false)
	for do, want := range map[string][]byte{
		"swallow":        nil,
		"duplicate":      append(ack, ack...),
		"phantom-reject": append(ack, wire.RejectFrame(1, 0, false)...),
	} {
		t.Run(do, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := wire.New(wire.Config{})
				near, far := net.Pipe()
				c := w.Wrap(near)
				got := make(chan []byte, 1)
				go func() {
					all, _ := io.ReadAll(far)
					got <- all
				}()
				header := []byte("AMQP\x00\x00\x09\x01")
				_, err := c.Write(header)
				require.NoError(t, err)
				in := inject(t, &bench{wires: []*wire.Wire{w}}, &On{Method: "ack", Do: do, Nth: 1})
				_, err = c.Write(ack)
				require.NoError(t, err)
				_, err = in.InEffect(brief(t))
				require.NoError(t, err)
				require.NoError(t, in.Heal(t.Context()))
				require.NoError(t, c.Close())
				require.Equal(t, append(header, want...), <-got)
				require.NoError(t, w.Close())
			})
		})
	}
}

// The n-th is counted over all instances, or at one of them.
func TestOnCountsOverInstances(t *testing.T) {
	t.Parallel()
	second := 1
	for name, tt := range map[string]struct {
		f    On
		want bool
	}{
		"over all":           {On{Method: "ack", Do: "swallow", Nth: 2}, true},
		"at one of them":     {On{Method: "ack", Do: "swallow", Nth: 2, Instance: &second}, false},
		"first of that one ": {On{Method: "ack", Do: "swallow", Nth: 1, Instance: &second}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bench{wires: []*wire.Wire{wire.New(wire.Config{}), wire.New(wire.Config{})}}
				in := inject(t, b, &tt.f)
				for _, w := range b.wires {
					c := amqpPipe(t, w)
					_, err := c.Write(wire.AckFrame(1, 1, false))
					require.NoError(t, err)
					require.NoError(t, c.Close())
				}
				_, err := in.InEffect(brief(t))
				require.Equal(t, tt.want, err == nil)
				require.NoError(t, in.Heal(t.Context()))
				for _, w := range b.wires {
					require.NoError(t, w.Close())
				}
			})
		})
	}
}
