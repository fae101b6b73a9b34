package wire

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// walkAll feeds data in pieces of the given sizes (the last piece takes the rest) and gives the
// bytes that came out and the events, as lines.
func walkAll(w *Wire, seen *log, d Direction, data []byte, sizes []int) (out []byte, lines []string) {
	var b bytes.Buffer
	s := newSession(w, "test")
	s.id = 1
	s.io = silent{}
	t := s.stream(d)
	t.out = &b
	var have []byte
	for rest := data; len(rest) > 0 || len(sizes) > 0; {
		n := len(rest)
		if len(sizes) > 0 {
			n = min(n, sizes[0])
			sizes = sizes[1:]
		}
		have = append(have, rest[:n]...)
		rest = rest[n:]
		t.mu.Lock()
		used, err := t.feed(have)
		_ = t.release()
		if err != nil {
			break
		}
		have = slices.Clone(have[used:])
	}
	t.mu.Lock()
	_ = t.finish(have)
	t.mu.Unlock()
	for _, e := range seen.all() {
		lines = append(lines, line(e))
	}
	return b.Bytes(), lines
}

// silent is a transport that is not there.
type silent struct{}

func (silent) cut(Cut, Direction, uint16)         {}
func (silent) wrote(Direction)                    {}
func (silent) deadline(Direction) <-chan struct{} { return nil }

func walkPlain(d Direction, data []byte, sizes []int) ([]byte, []string) {
	seen := newLog()
	return walkAll(New(Config{Tap: seen.tap}), seen, d, data, sizes)
}

// FuzzWalk: whatever the bytes and however they are split, they come out unchanged, and the events
// are the same.
func FuzzWalk(f *testing.F) {
	header := []byte("AMQP\x00\x00\x09\x01")
	for _, seed := range [][]byte{
		header,
		slices.Concat(header, AckFrame(1, 1, true), NackFrame(1, 2, false, true), RejectFrame(2, 0, false), HeartbeatFrame()),
		slices.Concat(header, content(1, BasicPublish, "m1", 250), content(1, BasicPublish, "", 0)),
		slices.Concat(header, contentMethod(1, BasicDeliver), AckFrame(2, 9, false), contentHeader(1, "m2", 3), bodies(1, 3)),
		slices.Concat(header, contentMethod(1, BasicDeliver), ChannelCloseFrame(1, 406, "no", BasicAck)),
		slices.Concat(header, ConnectionCloseFrame(320, "bye", 0), BlockedFrame("low"), []byte("garbage")),
		{0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3}, // the start of a TLS client's hello
		slices.Concat(header, []byte{1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 60, 0, 80}),
		slices.Concat(header, []byte{3, 0, 1, 0, 0, 0, 2, 1, 2, 0xCD}),
	} {
		f.Add(seed, []byte{1, 2, 3, 250})
	}
	f.Fuzz(func(t *testing.T, data, split []byte) {
		var sizes []int
		for _, n := range split {
			sizes = append(sizes, int(n))
		}
		for _, d := range []Direction{ToBroker, ToClient} {
			whole, events := walkPlain(d, data, nil)
			require.Equal(t, len(data), len(whole))
			require.True(t, bytes.Equal(data, whole), "bytes changed")
			parts, again := walkPlain(d, data, sizes)
			require.True(t, bytes.Equal(data, parts), "bytes changed when split")
			require.Equal(t, events, again)
		}
	})
}

// FuzzWalkWithRules: nor do rules that act make anything panic.
func FuzzWalkWithRules(f *testing.F) {
	header := []byte("AMQP\x00\x00\x09\x01")
	f.Add(slices.Concat(header, MethodFrame(1, ConfirmSelect, 0), content(1, BasicPublish, "m1", 250), AckFrame(1, 1, true)), []byte{9}, uint8(0))
	f.Add(slices.Concat(header, contentMethod(1, BasicDeliver), AckFrame(2, 9, false), contentHeader(1, "m2", 3), bodies(1, 3)), []byte{30}, uint8(3))
	f.Fuzz(func(t *testing.T, data, split []byte, which uint8) {
		actions := []Action{Swallow{}, Duplicate{}, CloseChannel{Code: 406, Text: "x"}, CancelConsumer{}, RefusePublish{}, ReturnPublish{},
			Corrupt{FromEnd: 3}, CloseConnection{320, "x"}, Block{"x"}, Cut{When: Mid}}
		var sizes []int
		for _, n := range split {
			sizes = append(sizes, int(n))
		}
		for _, d := range []Direction{ToBroker, ToClient} {
			seen := newLog()
			w := New(Config{Tap: seen.tap})
			w.Add(Rule{Match: Match{Method: BasicPublish, Every: 2}, Action: actions[int(which)%len(actions)]})
			w.Add(Rule{Match: Match{Every: 2}, Action: actions[int(which/16)%len(actions)]})
			walkAll(w, seen, d, data, sizes)
		}
	})
}

// stream1 draws a stream of real frames on a few channels, contents interleaved as AMQP allows.
func stream1(t *rapid.T) []byte {
	out := []byte("AMQP\x00\x00\x09\x01")
	queues := map[uint16][][]byte{} // frames of each channel, in order
	for i := range rapid.IntRange(0, 30).Draw(t, "units") {
		ch := rapid.Uint16Range(1, 4).Draw(t, "channel")
		id := fmt.Sprintf("m%d", i)
		switch rapid.IntRange(0, 5).Draw(t, "unit") {
		case 0:
			queues[ch] = append(queues[ch], AckFrame(ch, uint64(i), i%2 == 0))
		case 1:
			queues[0] = append(queues[0], HeartbeatFrame())
		case 2:
			queues[ch] = append(queues[ch], CancelFrame(ch, "c", true))
		default:
			m := rapid.SampledFrom([]Method{BasicPublish, BasicDeliver, BasicReturn, BasicGetOk}).Draw(t, "method")
			n := rapid.IntRange(0, 300).Draw(t, "body")
			queues[ch] = append(queues[ch], contentMethod(ch, m), contentHeader(ch, id, n))
			for rest := bodies(ch, n); len(rest) > 0; {
				first, more, _ := split(rest)
				queues[ch] = append(queues[ch], first)
				rest = more
			}
		}
	}
	for {
		var open []uint16
		for ch := range uint16(5) {
			if len(queues[ch]) > 0 {
				open = append(open, ch)
			}
		}
		if len(open) == 0 {
			return out
		}
		ch := rapid.SampledFrom(open).Draw(t, "next")
		out = append(out, queues[ch][0]...)
		queues[ch] = queues[ch][1:]
	}
}

func TestSplitsDoNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := stream1(t)
		d := rapid.SampledFrom([]Direction{ToBroker, ToClient}).Draw(t, "direction")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 40), 0, 200).Draw(t, "sizes")
		whole, events := walkPlain(d, data, nil)
		require.Equal(t, data, whole)
		parts, again := walkPlain(d, data, sizes)
		require.Equal(t, data, parts)
		require.Equal(t, events, again)
		for _, l := range events {
			require.NotContains(t, l, "unparsed")
		}
	})
}

// A rule that swallows one message leaves every other frame as it is, per channel in order, however the
// stream is split and its channels are interleaved.
func TestSwallowTakesOneWholeMessage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := stream1(t)
		sizes := rapid.SliceOfN(rapid.IntRange(0, 40), 0, 200).Draw(t, "sizes")
		victim := fmt.Sprintf("m%d", rapid.IntRange(0, 30).Draw(t, "victim"))
		seen := newLog()
		w := New(Config{Tap: seen.tap})
		w.Add(Rule{Match: Match{MessageID: victim}, Action: Swallow{}})
		out, events := walkAll(w, seen, ToBroker, data, sizes)
		require.Equal(t, without(t, data, victim), byChannel(t, out))
		for _, e := range events {
			require.Equal(t, strings.Contains(e, fmt.Sprintf("id=%q", victim)), strings.Contains(e, "swallowed"), e)
		}
	})
}

// byChannel sorts the frames of a stream by channel.
func byChannel(t require.TestingT, data []byte) map[uint16]string {
	all := map[uint16]string{}
	for rest := data[8:]; len(rest) > 0; {
		first, more, ok := split(rest)
		require.True(t, ok, "torn frame")
		ch := uint16(first[1])<<8 | uint16(first[2])
		all[ch] += string(first)
		rest = more
	}
	return all
}

// without is byChannel less the content of one message.
func without(t require.TestingT, data []byte, victim string) map[uint16]string {
	all := byChannel(t, data)
	for ch, s := range all {
		var kept []byte
		for rest := []byte(s); len(rest) > 0; {
			n := contentLen(rest)
			if !bytes.Contains(rest[:n], append([]byte{byte(len(victim))}, victim...)) {
				kept = append(kept, rest[:n]...)
			}
			rest = rest[n:]
		}
		delete(all, ch)
		if len(kept) > 0 {
			all[ch] = string(kept)
		}
	}
	return all
}

// contentLen is the length of the first frame and of the header and bodies that belong to it.
func contentLen(b []byte) int {
	_, rest, _ := split(b)
	for len(rest) > 0 && (rest[0] == frameHeader || rest[0] == frameBody) {
		_, rest, _ = split(rest)
	}
	return len(b) - len(rest)
}
