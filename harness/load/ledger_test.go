package load

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	sent := func(window, offered int) *ledger {
		l := newLedger(window, 6)
		for range offered {
			l.offer()
		}
		for range l.room() {
			l.send()
		}
		return l
	}
	tests := []struct {
		name string
		do   func(l *ledger)
		want Counts // of 5 offered with a window of 4
		room int
	}{
		{"nothing answered", func(*ledger) {}, Counts{Offered: 5, Published: 4, Buffered: 1}, 0},
		{"one", func(l *ledger) { l.confirm(1, false, true) }, Counts{Offered: 5, Published: 4, Buffered: 1, Confirmed: 1}, 1},
		{"multiple", func(l *ledger) { l.confirm(3, true, true) }, Counts{Offered: 5, Published: 4, Buffered: 1, Confirmed: 3}, 1},
		{"multiple tag 0 is all", func(l *ledger) { l.confirm(0, true, true) }, Counts{Offered: 5, Published: 4, Buffered: 1, Confirmed: 4}, 1},
		{"out of order", func(l *ledger) { l.confirm(2, false, true) }, Counts{Offered: 5, Published: 4, Buffered: 1, Confirmed: 1}, 1},
		{"out of order, then the older one", func(l *ledger) { l.confirm(2, false, true); l.confirm(1, false, true) }, Counts{Offered: 5, Published: 4, Buffered: 1, Confirmed: 2}, 1},
		{"refused", func(l *ledger) { l.confirm(2, true, false) }, Counts{Offered: 5, Published: 4, Buffered: 1, Refused: 2}, 1},
		{"twice counts once", func(l *ledger) { l.confirm(2, false, true); l.confirm(2, false, false) }, Counts{Offered: 5, Published: 4, Buffered: 1, Confirmed: 1}, 1},
		{"tag 0 alone", func(l *ledger) { l.confirm(0, false, true) }, Counts{Offered: 5, Published: 4, Buffered: 1}, 0},
		{"never sent", func(l *ledger) { l.confirm(5, true, true); l.confirm(1<<63, true, true) }, Counts{Offered: 5, Published: 4, Buffered: 1}, 0},
		{"returned is no confirm", func(l *ledger) { l.bounce(1); l.confirm(2, true, true) }, Counts{Offered: 5, Published: 4, Buffered: 1, Confirmed: 1, Returned: 1}, 1},
		{"returned twice", func(l *ledger) { l.bounce(1); l.bounce(1); l.confirm(1, false, true); l.bounce(1) }, Counts{Offered: 5, Published: 4, Buffered: 1, Returned: 1}, 1},
		{"returned, never sent", func(l *ledger) { l.bounce(5); l.bounce(0) }, Counts{Offered: 5, Published: 4, Buffered: 1}, 0},
		{"cut", func(l *ledger) { l.confirm(2, false, true); l.bounce(3); l.cut() }, Counts{Offered: 5, Published: 4, Buffered: 1, Confirmed: 1, Returned: 1, Unknown: 2}, 1},
		{"sequence starts anew after a cut", func(l *ledger) { l.cut(); l.send(); l.confirm(1, false, true) }, Counts{Offered: 5, Published: 5, Confirmed: 1, Unknown: 4}, 0},
		{"old tag after a cut", func(l *ledger) { l.cut(); l.send(); l.confirm(4, true, true) }, Counts{Offered: 5, Published: 5, Unknown: 4}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := sent(4, 5)
			tt.do(l)
			require.Equal(t, tt.want, l.c)
			require.Equal(t, tt.room, l.room())
		})
	}
}

// A ledger in any history agrees with a model that keeps a word on each message.
func TestLedgerAgreesWithModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(1, 9).Draw(t, "window")
		span := window + rapid.IntRange(0, 5).Draw(t, "span")
		l := newLedger(window, span)
		var state []string // of id-1
		first := 0
		settle := func(i int, to string) {
			switch state[i] {
			case "in flight":
				state[i] = to
			case "bounced":
				state[i] = "returned"
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"offer": func(t *rapid.T) {
				state = append(state, "buffered")
				require.EqualValues(t, len(state), l.offer())
			},
			"send": func(t *rapid.T) {
				for range l.room() {
					id := l.send()
					require.Equal(t, "buffered", state[id-1], "message %d sent twice", id)
					state[id-1] = "in flight"
					if old := int(id) - span - 1; old >= first {
						settle(old, "unknown")
					}
				}
			},
			"confirm": func(t *rapid.T) {
				tag := rapid.IntRange(0, len(state)-first+2).Draw(t, "tag")
				multiple, ack := rapid.Bool().Draw(t, "multiple"), rapid.Bool().Draw(t, "ack")
				l.confirm(uint64(tag), multiple, ack)
				to := map[bool]string{true: "confirmed", false: "refused"}[ack]
				published := count(state, "buffered", true) - first
				switch {
				case tag > published || tag == 0 && !multiple:
				case !multiple:
					settle(first+tag-1, to)
				case tag == 0:
					tag = published
					fallthrough
				default:
					for i := range tag {
						settle(first+i, to)
					}
				}
			},
			"bounce": func(t *rapid.T) {
				id := rapid.IntRange(0, len(state)+1).Draw(t, "id")
				l.bounce(uint64(id))
				if id > 0 && id <= len(state) && state[id-1] == "in flight" {
					state[id-1] = "bounced"
				}
			},
			"cut": func(t *rapid.T) {
				l.cut()
				first = count(state, "buffered", true)
				for i := range first {
					settle(i, "unknown")
				}
			},
			"": func(t *rapid.T) {
				want := Counts{
					Offered: uint64(len(state)), Published: uint64(count(state, "buffered", true)),
					Confirmed: uint64(count(state, "confirmed", false)), Refused: uint64(count(state, "refused", false)),
					Returned: uint64(count(state, "returned", false)), Unknown: uint64(count(state, "unknown", false)),
					Buffered: uint64(count(state, "buffered", false)),
				}
				require.Equal(t, want, l.c)
				inFlight := count(state, "in flight", false) + count(state, "bounced", false)
				require.EqualValues(t, inFlight, l.c.InFlight())
				require.LessOrEqual(t, inFlight, window)
				require.Equal(t, inFlight == 0 && want.Buffered == 0, l.idle())
				require.GreaterOrEqual(t, l.room(), 0)
				if want.Buffered > 0 && inFlight == 0 {
					require.Positive(t, l.room(), "stuck: nothing in flight, something to send, no room")
				}
			},
		})
	})
}

// count is the number of messages in a state, or with not of those in any other.
func count(state []string, is string, not bool) (n int) {
	for _, s := range state {
		if (s == is) != not {
			n++
		}
	}
	return n
}

func TestFifo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var f fifo[int]
		var want []int
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(t, "n") {
					v := rapid.Int().Draw(t, "v")
					f.push(v)
					want = append(want, v)
				}
			},
			"pop": func(t *rapid.T) {
				for range rapid.IntRange(0, len(want)).Draw(t, "n") {
					require.Equal(t, want[0], f.pop())
					want = want[1:]
				}
			},
			"": func(t *rapid.T) { require.Equal(t, len(want), f.n) },
		})
	})
}
