package recovery_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

// published is what the load does with message n: offer and publish.
func published(at time.Duration, n uint64) []history.Event {
	return []history.Event{
		{At: at, Kind: history.Offer, Msg: history.MsgID(n)},
		{At: at, Kind: history.Publish, Conn: 1, Chan: 1, Tag: n, Msg: history.MsgID(n)},
	}
}

func TestBacklogLeavesOutWhatNobodyCanKnow(t *testing.T) {
	t.Parallel()
	begin := []history.Event{{Kind: history.ConnOpen, Conn: 1, Who: "load"}}
	for n := uint64(1); n <= 4; n++ {
		begin = append(begin, published(time.Duration(n)*ms, n)...)
	}
	effect := func(n history.MsgID) history.Event { return history.Event{At: 50 * ms, Kind: history.Effect, Msg: n} }
	confirm := history.Event{At: 10 * ms, Kind: history.Confirm, Conn: 1, Chan: 1, Tag: 2, Flags: history.Multiple}
	for name, c := range map[string]struct {
		then []history.Event
		want int
	}{
		"all wait":                {nil, 4},
		"one done":                {[]history.Event{effect(1)}, 3},
		"done twice":              {[]history.Event{effect(1), effect(1)}, 3},
		"refused by the sink":     {[]history.Event{{Kind: history.Effect, Msg: 1, Flags: history.Refused}}, 4},
		"never offered":           {[]history.Event{effect(77)}, 4},
		"load's connection gone":  {[]history.Event{confirm, {At: 20 * ms, Kind: history.ConnClose, Conn: 1}}, 2},
		"load's channel gone":     {[]history.Event{confirm, {At: 20 * ms, Kind: history.ChanClose, Conn: 1, Chan: 1}}, 2},
		"it arrived all the same": {[]history.Event{confirm, {At: 20 * ms, Kind: history.ConnClose, Conn: 1}, effect(4)}, 2},
		"another's connection":    {[]history.Event{{At: 20 * ms, Kind: history.ConnClose, Conn: 2}}, 4},
		"refused by the broker":   {[]history.Event{{Kind: history.Refuse, Conn: 1, Chan: 1, Tag: 3}}, 3},
		"returned":                {[]history.Event{{Kind: history.Return, Conn: 1, Chan: 1, Msg: 3}}, 3},
		"return made by a fault":  {[]history.Event{{Kind: history.Return, Conn: 1, Chan: 1, Msg: 3, Flags: history.Synthetic}}, 4},
		"confirm made by a fault": {[]history.Event{
			{Kind: history.Confirm, Conn: 1, Chan: 1, Tag: 4, Flags: history.Multiple | history.Synthetic},
			{At: 20 * ms, Kind: history.ConnClose, Conn: 1}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := observe(append(append([]history.Event{}, begin...), c.then...))
			require.Equal(t, c.want, s.Backlog())
			points := s.Points()
			require.Equal(t, c.want, points[len(points)-1].Backlog)
		})
	}
}

func TestDiscountIsAsIfNeverOffered(t *testing.T) {
	t.Parallel()
	s := observe(append(published(0, 1), published(150*ms, 2)...))
	require.Equal(t, 2, s.Backlog())
	s.Discount(1)
	s.Discount(1)
	s.Discount(99)
	require.Equal(t, 1, s.Backlog())
	points := s.Points()
	require.Equal(t, 0, points[0].Backlog, "also back then")
	require.Equal(t, 1, points[1].Backlog)
	s.Observe(&history.Event{At: 200 * ms, Kind: history.Effect, Msg: 1})
	require.Equal(t, 1, s.Backlog(), "an effect all the same is one, and message 2 still waits")
	require.Equal(t, 1, s.Points()[0].Backlog)
}

func TestPointsTellLatency(t *testing.T) {
	t.Parallel()
	var events []history.Event
	for n := uint64(1); n <= 100; n++ {
		at := time.Duration(n) * ms
		events = append(events, published(at, n)...)
		events = append(events, history.Event{At: at + 500*time.Microsecond, Kind: history.Effect, Msg: history.MsgID(n)})
	}
	events = append(events, history.Event{At: 101 * ms, Kind: history.Offer, Msg: 500}, history.Event{At: 195 * ms, Kind: history.Effect, Msg: 500})
	p := observe(events).Points()
	require.Len(t, p, 2)
	require.Equal(t, ms, p[0].At)
	require.Equal(t, 100, p[0].Effects)
	require.InDelta(t, 500, p[0].P50.Microseconds(), 250)
	require.Equal(t, 500*time.Microsecond, p[0].Max)
	require.Equal(t, 94*ms, p[1].Max)
	require.LessOrEqual(t, p[1].P90, p[1].Max)
}

// TestTimesBeyondADayCostNothing: a damaged clock must not ask for all the memory there is.
func TestTimesBeyondADayCostNothing(t *testing.T) {
	t.Parallel()
	s := observe([]history.Event{
		{At: 0, Kind: history.Offer, Msg: 1},
		{At: math.MaxInt64, Kind: history.Offer, Msg: 2},
		{At: math.MaxInt64, Kind: history.Effect, Msg: 1},
	})
	require.Equal(t, 1, s.Backlog())
	require.Len(t, s.Points(), 1)
	o := recovery.Measure(s, recovery.Range{Rate: 1}, 0, time.Second)
	require.False(t, o.Recovered)
}

func TestSeriesBeginsWithTheLoad(t *testing.T) {
	t.Parallel()
	s := observe([]history.Event{{At: 2 * ms, Kind: history.Mark}, {At: 5 * ms, Kind: history.LoadBegin}, {At: 30 * ms, Kind: history.Offer, Msg: 1}})
	require.Equal(t, 5*ms, s.Points()[0].At)
}
