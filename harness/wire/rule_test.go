package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// acts walks acks 1…n on a channel and tells which of them a match takes.
func acts(m Match, n int) (tags []uint64) {
	seen := newLog()
	w := New(Config{Tap: seen.tap, Seed: 7})
	a := w.Add(Rule{Match: m, Action: Swallow{}})
	data := []byte("AMQP\x00\x00\x09\x01")
	for i := 1; i <= n; i++ {
		data = append(data, AckFrame(1, uint64(i), false)...)
	}
	walkAll(w, seen, ToBroker, data, nil)
	for _, e := range seen.all() {
		if e.Swallowed {
			tags = append(tags, e.Tag)
		}
	}
	if a.Hits() != uint64(len(tags)) {
		panic("hits and acts differ")
	}
	return tags
}

func TestMatchCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		m    Match
		want []uint64
	}{
		{"every frame", Match{}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"n-th", Match{Nth: 4}, []uint64{4}},
		{"n-th that never comes", Match{Nth: 11}, nil},
		{"every k-th", Match{Every: 3}, []uint64{3, 6, 9}},
		{"from the n-th on every k-th", Match{Nth: 2, Every: 4}, []uint64{2, 6, 10}},
		{"limited", Match{Limit: 2}, []uint64{1, 2}},
		{"every k-th, limited", Match{Every: 2, Limit: 3}, []uint64{2, 4, 6}},
		{"other connection", Match{Conn: 2}, nil},
		{"other channel", Match{Chan: 2}, nil},
		{"other direction", Match{Dir: ToClient}, nil},
		{"other method", Match{Method: BasicNack}, nil},
		{"a heartbeat", Match{Method: Heartbeat}, nil},
		{"no frame", Match{Method: Now}, nil},
		{"all that fits", Match{Conn: 1, Chan: 1, Dir: ToBroker, Method: BasicAck, Nth: 1}, []uint64{1}},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, acts(tt.m, 10)) })
	}
}

func TestProbabilityDependsOnSeedAndIdentityOnly(t *testing.T) {
	t.Parallel()
	first := acts(Match{Probability: 0.3}, 10_000)
	require.InDelta(t, 3000, len(first), 200)
	require.Equal(t, first, acts(Match{Probability: 0.3}, 10_000))

	// By message id: connection, channel, tag and order do not matter.
	e := func(conn uint32, ch uint16, tag uint64, id string) *Event {
		return &Event{Conn: conn, Chan: ch, Tag: tag, Method: BasicDeliver, MessageID: []byte(id)}
	}
	require.Equal(t, chance(1, "a", e(1, 1, 1, "m1"), 1), chance(1, "a", e(2, 3, 4, "m1"), 9))
	require.NotEqual(t, chance(1, "a", e(1, 1, 1, "m1"), 1), chance(1, "a", e(1, 1, 1, "m2"), 1))
	require.NotEqual(t, chance(1, "a", e(1, 1, 1, "m1"), 1), chance(2, "a", e(1, 1, 1, "m1"), 1))
	require.NotEqual(t, chance(1, "a", e(1, 1, 1, "m1"), 1), chance(1, "b", e(1, 1, 1, "m1"), 1))
}

func TestFirstArmedRuleActs(t *testing.T) {
	t.Parallel()
	seen := newLog()
	w := New(Config{Tap: seen.tap})
	one := w.Add(Rule{Match: Match{Nth: 1}, Action: Swallow{}})
	two := w.Add(Rule{Match: Match{Nth: 1}, Action: Swallow{}})
	three := w.Add(Rule{Match: Match{Nth: 2}, Action: Swallow{}})
	data := append([]byte("AMQP\x00\x00\x09\x01"), slices.Concat(AckFrame(1, 1, false), AckFrame(1, 2, false), AckFrame(1, 3, false))...)
	walkAll(w, seen, ToBroker, data, nil)
	require.EqualValues(t, 1, one.Hits())
	require.EqualValues(t, 0, two.Hits(), "they pick the same frame")
	require.EqualValues(t, 1, three.Hits(), "the second ack stays the second, whoever took the first")
	require.True(t, seen.all()[1].Swallowed)
}

// A rule without an action never stands before one that acts, and hits only what passes untouched.
func TestRuleThatWatchesLeavesTheFrameToOthers(t *testing.T) {
	t.Parallel()
	seen := newLog()
	w := New(Config{Tap: seen.tap})
	watching := w.Add(Rule{Match: Match{Method: BasicAck, Limit: 1}})
	acting := w.Add(Rule{Match: Match{Nth: 1}, Action: Swallow{}})
	header := []byte("AMQP\x00\x00\x09\x01")
	walkAll(w, seen, ToBroker, append(header, AckFrame(1, 1, false)...), nil)
	require.EqualValues(t, 1, acting.Hits())
	require.Zero(t, watching.Hits(), "that one was swallowed")
	walkAll(w, seen, ToBroker, slices.Concat(header, AckFrame(1, 2, false), AckFrame(1, 3, false)), nil)
	require.EqualValues(t, 1, watching.Hits())
	require.Nil(t, seen.all()[1].Rule, "it did nothing to it")
}

func TestRulesOfSeveralWiresCountTogether(t *testing.T) {
	t.Parallel()
	acks := slices.Concat([]byte("AMQP\x00\x00\x09\x01"), AckFrame(1, 1, false), AckFrame(1, 2, false))
	for name, tt := range map[string]struct {
		m    Match
		want [2]uint64
	}{
		"n-th":    {Match{Nth: 3}, [2]uint64{0, 1}},
		"limited": {Match{Limit: 3}, [2]uint64{2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var all [2]*Armed
			count := new(Count)
			for i := range all {
				seen := newLog()
				w := New(Config{Tap: seen.tap})
				all[i] = w.Add(Rule{Match: tt.m, Action: Swallow{}, Count: count})
				walkAll(w, seen, ToBroker, acks, nil)
			}
			require.Equal(t, tt.want, [2]uint64{all[0].Hits(), all[1].Hits()})
			for i, a := range all {
				select {
				case <-a.Hit():
					require.NotZero(t, tt.want[i])
				default:
					require.Zero(t, tt.want[i], "hit is of the wire's own")
				}
			}
		})
	}
}

func TestRuleByMessageFindsItsAck(t *testing.T) {
	t.Parallel()
	x := onWire(t)
	x.fill(5)
	rule := x.w.Add(Rule{Match: Match{Dir: ToBroker, Method: BasicAck, MessageID: "m3"}, Action: CloseChannel{Code: 406, Text: "no"}})
	c := x.consumer(10)
	for range 5 {
		m := x.next(c.deliveries)
		require.NoError(t, m.Ack(false))
		if m.MessageId == "m3" {
			break
		}
	}
	require.Equal(t, 406, await(t, c.chanClosed, "the close").Code)
	require.EqualValues(t, 1, rule.Hits())
	x.awaitDepth(3, 0, 0) // m1 and m2 are acked
}

func TestMethodNames(t *testing.T) {
	t.Parallel()
	for _, n := range methodNames {
		m, err := ParseMethod(n.name)
		require.NoError(t, err)
		require.Equal(t, n.method, m)
		require.Equal(t, n.name, m.String())
	}
	_, err := ParseMethod("basic.akc")
	require.ErrorContains(t, err, `"basic.akc"`)
	require.Equal(t, "method 60.99", Method(60<<16|99).String())
}

func TestUnparsedIsToldOnceAndCounted(t *testing.T) {
	t.Parallel()
	ok := []byte("AMQP\x00\x00\x09\x01")
	huge := append([]byte{1, 0, 1, 0, 0x20, 0, 0, 0, 60, 0, 80}, make([]byte, 100)...)
	for name, tt := range map[string]struct {
		data []byte
		why  string
	}{
		"TLS":                   {[]byte{0x16, 3, 1, 0, 200, 1, 0, 0}, "no protocol header"},
		"HTTP":                  {[]byte("GET / HTTP/1.1\r\n"), "no protocol header"},
		"garbage behind frames": {slices.Concat(ok, AckFrame(1, 1, false), []byte("garbage")), "unknown frame type"},
		"an absurd method":      {slices.Concat(ok, huge), "impossible size"},
		"wrong frame end":       {slices.Concat(ok, []byte{1, 0, 1, 0, 0, 0, 4, 0, 20, 0, 41, 0xCD}), "no frame-end octet"},
		"wrong end of a body":   {slices.Concat(ok, []byte{3, 0, 1, 0, 0, 0, 1, 1, 0xCD, 1, 2, 3}), "no frame-end octet"},
		"arguments too short":   {slices.Concat(ok, MethodFrame(1, BasicAck, 0, 0)), "cut short"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sizes := range [][]int{nil, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}} {
				out, lines := walkPlain(ToBroker, append(tt.data, "more"...), sizes)
				require.Equal(t, string(tt.data)+"more", string(out))
				require.Contains(t, lines[len(lines)-1], tt.why)
				require.Equal(t, 1, strings.Count(fmt.Sprint(lines), "unparsed"))
			}
		})
	}
}

// A header of 200 KB is nothing unusual for a message with many headers; a body of 1 MB in one frame neither.
func TestLargeFramesPass(t *testing.T) {
	t.Parallel()
	table := append([]byte{0, 3, 0x0d, 0x46, 1, 'k', 'S', 0, 3, 0x0d, 0x3f}, make([]byte, 0x30d3f)...)
	p := append([]byte{0, 60, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0x20, 0x80}, table...)
	p = append(p, short("m1")...)
	data := slices.Concat([]byte("AMQP\x00\x00\x09\x01"), contentMethod(1, BasicPublish), frame(frameHeader, 1, p),
		frame(frameBody, 1, make([]byte, 1<<20)), AckFrame(1, 1, false))
	sizes := slices.Repeat([]int{4096}, 400)
	out, lines := walkPlain(ToBroker, data, sizes)
	require.Equal(t, data, out)
	require.Equal(t, []string{`1/1 to broker basic.publish id="m1" name="key" text="key"`, "1/1 to broker basic.ack tag=1"}, lines)
}
