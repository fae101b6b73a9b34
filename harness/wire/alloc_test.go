package wire

import (
	"io"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// traffic is n messages delivered and acked, or published and confirmed: what a wire sees all day.
func traffic(n, body int) []byte {
	var out []byte
	for i := range n {
		id := "m" + strconv.Itoa(i)
		out = slices.Concat(out, content(1, BasicDeliver, id, body), AckFrame(1, uint64(i), false), content(2, BasicPublish, id, body))
	}
	return out
}

func TestFramesCostNoAllocation(t *testing.T) {
	data := append([]byte("AMQP\x00\x00\x09\x01"), traffic(100, 250)...)
	for name, rules := range map[string][]Rule{
		"tap on": nil,
		"tap on and rules armed that match nothing": {
			{Match: Match{Conn: 99}, Action: Cut{}},
			{Match: Match{Method: BasicDeliver, MessageID: "m999"}, Action: Swallow{}},
			{Match: Match{Method: BasicAck, Nth: 1 << 60}, Action: Swallow{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			seen := 0
			w := New(Config{Tap: func(e *Event) { seen += len(e.MessageID) + int(e.Tag) }})
			for _, r := range rules {
				w.Add(r)
			}
			s := newSession(w, "test")
			s.io, s.up.out = silent{}, io.Discard
			first := data
			feed := func() {
				s.up.mu.Lock()
				used, err := s.up.feed(first)
				if err != nil || used != len(first) || s.up.release() != nil {
					panic("the walk failed")
				}
				first = data[8:]
			}
			feed()
			require.Positive(t, seen)
			require.Zero(t, testing.AllocsPerRun(50, feed))
		})
	}
}

func BenchmarkWalk(b *testing.B) {
	for _, body := range []int{100, 10_000} {
		b.Run(strconv.Itoa(body)+"B", func(b *testing.B) {
			data := traffic(100, body)
			w := New(Config{Tap: func(*Event) {}})
			s := newSession(w, "test")
			s.io, s.up.out, s.up.begun = silent{}, io.Discard, true
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				s.up.mu.Lock()
				_, _ = s.up.feed(data)
				_ = s.up.release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/300, "ns/method")
		})
	}
}
