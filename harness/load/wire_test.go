package load

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// published notes on which connections and with which number each message was seen on the wire.
type published struct {
	mu   sync.Mutex
	ids  map[string]int
	seqs map[uint32]uint64 // by connection: the last one
	gap  bool
}

func (p *published) see(e *wire.Event) {
	if e.Method != wire.BasicPublish || e.Kind != wire.MethodSeen {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids[string(e.MessageID)]++
	if e.Seq != p.seqs[e.Conn]+1 && !e.Swallowed {
		p.gap = true
	}
	p.seqs[e.Conn] = e.Seq
}

// Whatever happens on the wire, no message is sent twice and the numbers add up.
func TestFaultsOnTheWire(t *testing.T) {
	publish := wire.Match{Dir: wire.ToBroker, Method: wire.BasicPublish, Nth: 100}
	confirm := wire.Match{Dir: wire.ToClient, Method: wire.BasicAck, Nth: 20}
	tests := []struct {
		name      string
		rule      wire.Rule
		reconnect bool
	}{
		{"cut before a publish", wire.Rule{Match: publish, Action: wire.Cut{When: wire.Before}}, true},
		{"cut in a publish", wire.Rule{Match: publish, Action: wire.Cut{When: wire.Mid}}, true},
		{"cut after a publish", wire.Rule{Match: publish, Action: wire.Cut{When: wire.After, FIN: true}}, true},
		{"cut before a confirm", wire.Rule{Match: confirm, Action: wire.Cut{When: wire.Before}}, true},
		{"cut in a confirm", wire.Rule{Match: confirm, Action: wire.Cut{When: wire.Mid}}, true},
		{"channel closed", wire.Rule{Match: publish, Action: wire.CloseChannel{Code: 404, Text: "NOT_FOUND"}}, true},
		{"connection closed", wire.Rule{Match: publish, Action: wire.CloseConnection{Code: 320, Text: "CONNECTION_FORCED"}}, true},
		{"corrupt confirm", wire.Rule{Match: confirm, Action: wire.Corrupt{}}, true},
		{"confirm twice", wire.Rule{Match: confirm, Action: wire.Duplicate{}}, false},
		{"confirm lost", wire.Rule{Match: confirm, Action: wire.Swallow{}}, false},
		{"publish lost", wire.Rule{Match: publish, Action: wire.Swallow{}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := rabbit(t)
			q, ch := queue(t, b)
			seen := &published{ids: map[string]int{}, seqs: map[uint32]uint64{}}
			w := wire.New(wire.Config{Role: "load", Upstream: b.Addr(), Tap: seen.see})
			rule := w.Add(tt.rule)
			downs := make(chan error, 100)
			p := openOn(t, Options{
				URL: b.URL("/"), Queue: q, Window: 50,
				Dial: func(network, addr string) (net.Conn, error) {
					c, err := net.DialTimeout(network, addr, connectLimit)
					if err != nil {
						return nil, err
					}
					return w.Wrap(c), nil
				},
				OnState: func(up bool, err error) {
					if !up {
						downs <- err
					}
				},
			})
			stop := offer(t, p)
			<-rule.Hit()
			if tt.reconnect {
				require.Error(t, <-downs)
			}
			awaitConfirmed(t, p, p.Counts().Confirmed+200)
			n := uint64(stop())
			require.Eventually(t, func() bool { // one answer may never come
				c := p.Counts()
				return c.Buffered == 0 && c.InFlight() <= 1
			}, 30*time.Second, time.Millisecond)
			if tt.reconnect {
				require.NoError(t, p.Settled(bounded(t)))
			}
			require.NoError(t, p.Close(bounded(t)))

			c := p.Counts()
			require.Equal(t, n, c.Offered)
			require.Equal(t, n, c.Published)
			require.Equal(t, n, c.Confirmed+c.Unknown)
			require.Empty(t, downs, "went down again")
			seen.mu.Lock()
			defer seen.mu.Unlock()
			require.False(t, seen.gap, "a publish without its number in confirm mode")
			for id, times := range seen.ids {
				require.Equal(t, 1, times, id)
			}
			arrived := map[string]bool{}
			for _, id := range drain(t, ch, q) {
				require.False(t, arrived[id], "%s is in the queue twice", id)
				arrived[id] = true
			}
			require.LessOrEqual(t, n-uint64(len(arrived)), c.Unknown, "a confirmed message is gone")
		})
	}
}
