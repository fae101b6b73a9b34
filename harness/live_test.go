package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// What k6's outputs show of a run while it goes on, and that nothing is kept of what waits no longer.
func TestLive(t *testing.T) {
	t.Parallel()
	const took = 5 * time.Millisecond
	for name, c := range map[string]struct {
		then history.Event
		want []time.Duration
		open bool
	}{
		"an effect":        {history.Event{Kind: history.Effect}, []time.Duration{took}, false},
		"a refused report": {history.Event{Kind: history.Effect, Flags: history.Refused}, nil, true},
		"a good answer":    {history.Event{Kind: history.Answer, Code: 200, Flags: history.Good}, []time.Duration{took}, false},
		"a bad answer":     {history.Event{Kind: history.Answer, Code: 500}, nil, false},
		"no answer":        {history.Event{Kind: history.Answer}, nil, false},
		"of another":       {history.Event{Kind: history.Answer, Msg: 2, Flags: history.Good}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &Lab{live: newLive()}
			l.live.observe(&history.Event{At: 1, Kind: history.Offer, Msg: 1})
			c.then.At = 1 + took
			if c.then.Msg == 0 {
				c.then.Msg = 1
			}
			l.live.observe(&c.then)
			l.live.observe(&c.then) // a second time it is nothing new
			got := l.Live()
			require.Equal(t, c.want, got.Latencies)
			require.Equal(t, c.open, got.Backlog == 1)
			require.Equal(t, c.open, len(l.live.offered) == 1)
			require.Empty(t, l.Live().Latencies, "each is given once")
		})
	}
}
