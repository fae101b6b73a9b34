package load

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// heard notes what an answers reports.
type heard []string

func (h *heard) confirmed(tag uint64, multiple, ack bool) {
	*h = append(*h, fmt.Sprintf("confirm %d multiple=%t ack=%t", tag, multiple, ack))
}
func (h *heard) bounced(id uint64, text string) {
	*h = append(*h, fmt.Sprintf("return m%d %s", id, text))
}
func (h *heard) throttled(bool, string) {}

// read feeds the stream in pieces of n bytes.
func read(stream []byte, n int) []string {
	h := (*heard)(&[]string{})
	a := answers{channel: 1, events: h}
	for len(stream) > 0 {
		m := min(n, len(stream))
		a.feed(stream[:m])
		stream = stream[m:]
	}
	return []string(*h)
}

func frame(kind byte, channel uint16, payload ...byte) []byte {
	b, at := openFrame(nil, kind, channel)
	return closeFrame(append(b, payload...), at)
}

func method(channel uint16, id uint32, args ...byte) []byte {
	return frame(frameMethod, channel, append(binary.BigEndian.AppendUint32(nil, id), args...)...)
}

func settlement(channel uint16, id uint32, tag uint64, multiple byte) []byte {
	return method(channel, id, append(binary.BigEndian.AppendUint64(nil, tag), multiple)...)
}

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// returned is what a broker sends for an unroutable message: our own header, with headers before the id.
func returnOf(m message) []byte {
	args := appendShort(appendShort(appendShort([]byte{1, 56}, "NO_ROUTE"), ""), "q")
	return join(method(1, basicReturn, args...), appendContent(nil, 1, 4096, &m))
}

func streams(t testing.TB) map[string][]byte {
	headers, err := encodeHeaders(map[string]any{"x": "y", "deep": map[string]any{"n": 1}})
	require.NoError(t, err)
	ack, nack := settlement(1, basicAck, 7, 0), settlement(1, basicNack, 9, 1)
	return map[string][]byte{
		"nothing":           {},
		"ack":               ack,
		"ack, nack":         join(ack, nack),
		"other channel":     join(settlement(2, basicAck, 1, 0), ack),
		"heartbeat between": join(ack, frame(8, 0), nack),
		"return":            join(returnOf(message{id: 12, body: make([]byte, 9000)}), ack),
		"return, headers":   join(returnOf(message{id: 12, headers: headers, contentType: "text/plain"}), ack),
		"return, foreign id": join(method(1, basicReturn, 1, 56, 0, 0, 0),
			frame(frameHeader, 1, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 3, 'a', 'b', 'c'), ack),
		"deliver's header": join(appendContent(nil, 1, 4096, &message{id: 3}), ack),
		"large frame":      join(frame(frameMethod, 1, make([]byte, keepLimit)...), ack),
		"not AMQP":         join([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), ack),
		"wrong frame end":  join(ack[:len(ack)-1], []byte{0}, nack),
		"short ack":        join(method(1, basicAck, 1, 2), ack),
		"short method":     join(frame(frameMethod, 1, 0), ack),
		"short header":     join(method(1, basicReturn, 1, 56, 0, 0, 0), frame(frameHeader, 1, 0), ack),
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	ack := "confirm 7 multiple=false ack=true"
	want := map[string][]string{
		"nothing":            {},
		"ack":                {ack},
		"ack, nack":          {ack, "confirm 9 multiple=true ack=false"},
		"other channel":      {ack},
		"heartbeat between":  {ack, "confirm 9 multiple=true ack=false"},
		"return":             {"return m12 NO_ROUTE", ack},
		"return, headers":    {"return m12 NO_ROUTE", ack},
		"return, foreign id": {ack},
		"deliver's header":   {ack},
		"large frame":        {ack},
		"not AMQP":           {},
		"wrong frame end":    {},
		"short ack":          {ack},
		"short method":       {ack},
		"short header":       {ack},
	}
	for name, stream := range streams(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= min(len(stream), 300); n++ {
				require.Equal(t, want[name], read(stream, n), "in pieces of %d bytes", n)
			}
			require.Equal(t, want[name], read(stream, max(1, len(stream))), "in one piece")
		})
	}
}

// A confirm that still arrives on a connection that was given up must not settle a message of the next.
func TestMutedConnectionIsNotHeard(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	h := &heard{}
	s := &shared{Conn: ours, answers: answers{channel: 1, events: h}}
	ack := settlement(1, basicAck, 7, 0)
	pass := func() {
		go theirs.Write(ack)
		_, err := io.ReadFull(s, make([]byte, len(ack)))
		require.NoError(t, err)
	}
	pass()
	s.mute()
	pass()
	require.Len(t, *h, 1)
}

// FuzzAnswers: whatever the bytes, the way in which they are cut changes nothing.
func FuzzAnswers(f *testing.F) {
	for _, s := range streams(f) {
		if len(s) < 1000 {
			f.Add(s, uint8(3))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, n uint8) {
		require.Equal(t, read(stream, len(stream)+1), read(stream, int(n)+1))
	})
}

func TestAnswersAllocateNothing(t *testing.T) {
	stream := join(settlement(1, basicAck, 7, 0), frame(8, 0), settlement(1, basicNack, 9, 1))
	a := answers{channel: 1, events: newQuiet()}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		a.feed(stream[:5])
		a.feed(stream[5:])
	}))
}

type quiet struct{}

func newQuiet() events                         { return quiet{} }
func (quiet) confirmed(uint64, bool, bool)     {}
func (quiet) bounced(uint64, string)           {}
func (quiet) throttled(on bool, reason string) {}
