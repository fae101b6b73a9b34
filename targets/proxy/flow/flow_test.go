package flow

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reader is a client in a bubble: it takes bytes at a speed, and a write waits for it. As with HTTP/2, it is gone
// when a deadline passes, whether a write is under way or not.
type reader struct {
	takes func(n int) time.Duration // nil: at once

	mu       sync.Mutex
	deadline time.Time
	passed   *time.Timer
	gone     bool
	changed  chan struct{}
	got      bytes.Buffer
}

func (r *reader) Header() http.Header { return http.Header{} }
func (r *reader) WriteHeader(int)     {}

func (r *reader) SetWriteDeadline(t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline = t
	if r.passed != nil {
		r.passed.Stop()
	}
	if !t.IsZero() {
		r.passed = time.AfterFunc(time.Until(t), func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.gone = true
		})
	}
	if r.changed != nil {
		close(r.changed)
	}
	r.changed = make(chan struct{})
	return nil
}

func (r *reader) until() (time.Time, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.deadline, r.changed
}

func (r *reader) Write(p []byte) (int, error) {
	if r.takes == nil {
		return r.got.Write(p)
	}
	r.mu.Lock()
	gone := r.gone
	r.mu.Unlock()
	if gone {
		return 0, os.ErrClosed
	}
	end := time.Now().Add(r.takes(len(p)))
	for {
		deadline, changed := r.until()
		now := time.Now()
		if !deadline.IsZero() && !now.Before(deadline) {
			return 0, os.ErrDeadlineExceeded
		}
		if !now.Before(end) {
			return r.got.Write(p)
		}
		next := end
		if !deadline.IsZero() && deadline.Before(end) {
			next = deadline
		}
		select {
		case <-time.After(next.Sub(now)):
		case <-changed:
		}
	}
}

// source is an answer that comes in pieces, each after a pause, and then the error.
type source struct {
	pieces [][]byte
	pause  time.Duration
	err    error // nil: io.EOF

	mu     sync.Mutex
	read   int // bytes so far
	ended  time.Time
	closed chan struct{}
	once   sync.Once
}

func (s *source) Read(p []byte) (int, error) {
	select {
	case <-time.After(s.pause):
	case <-s.closed:
		return 0, os.ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pieces) == 0 {
		s.ended = time.Now()
		if s.err != nil {
			return 0, s.err
		}
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	s.read += n
	return n, nil
}

func (s *source) Close() error { s.once.Do(func() { close(s.closed) }); return nil }

func (s *source) soFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read
}

func sourceOf(b []byte, size int) *source {
	s := &source{closed: make(chan struct{})}
	for len(b) > 0 {
		n := min(size, len(b))
		s.pieces, b = append(s.pieces, b[:n]), b[n:]
	}
	return s
}

func some(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i >> 8 * i)
	}
	return b
}

func idle(t require.TestingT, c *Copier) {
	require.Zero(t, c.Slow.Load())
	require.Zero(t, c.Buffered.Load())
}

func TestFastReaderIsAPlainCopy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, r, whole := &Copier{}, &reader{takes: func(int) time.Duration { return 9 * time.Millisecond }}, some(1<<20)
		c.Deadline = func(since, now time.Time) time.Time {
			require.Equal(t, since, now, "only the end has a limit")
			return now.Add(time.Second)
		}
		n, err := c.Copy(r, sourceOf(whole, 20_000), false)
		require.NoError(t, err)
		require.EqualValues(t, len(whole), n)
		require.Equal(t, whole, r.got.Bytes())
		require.Equal(t, time.Now().Add(time.Second), r.deadline, "what the server sends later has a limit")
		idle(t, c)
	})
}

// The source is read up to the high mark, again below the low one, and is free before the reader is done.
func TestMarks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const high, low = 8 * chunkSize, 3 * chunkSize
		whole := some(40 * chunkSize)
		s, c := sourceOf(whole, chunkSize), &Copier{High: high, Low: low}
		taken, ahead := 0, 0
		r := &reader{}
		r.takes = func(n int) time.Duration {
			synctest.Wait()
			require.LessOrEqual(t, c.Buffered.Load(), int64(high))
			a := s.soFar() - taken // with what is being written now
			require.LessOrEqual(t, a, high)
			if taken > 0 && s.soFar() < len(whole) {
				require.GreaterOrEqual(t, a, low)
			}
			ahead = max(ahead, a)
			taken += n
			return time.Second
		}
		_, err := c.Copy(r, s, false)
		require.NoError(t, err)
		require.Equal(t, whole, r.got.Bytes())
		require.GreaterOrEqual(t, ahead, high-chunkSize, "the buffer was not used")
		require.GreaterOrEqual(t, time.Since(s.ended), 2*time.Second, "the backend was held to the end")
		idle(t, c)
	})
}

// All readers together have no more than Most, but for two chunks each, and everybody gets the whole answer.
func TestMostForAllReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const readers, most = 8, 10 * chunkSize
		c, whole := &Copier{High: 8 * chunkSize, Low: 3 * chunkSize, Most: most}, some(20*chunkSize)
		var peak atomic.Int64
		var all sync.WaitGroup
		for range readers {
			all.Go(func() {
				r := &reader{takes: func(int) time.Duration {
					peak.Store(max(peak.Load(), c.Buffered.Load()))
					return time.Second
				}}
				_, err := c.Copy(r, sourceOf(whole, chunkSize), false)
				require.NoError(t, err)
				require.True(t, bytes.Equal(whole, r.got.Bytes()))
			})
		}
		all.Wait()
		require.Greater(t, peak.Load(), int64(most)-chunkSize, "the bound was not met")
		require.LessOrEqual(t, peak.Load(), int64(most+readers*2*chunkSize))
		idle(t, c)
	})
}

// In between the marks, the source is left alone.
func TestSourceRestsUntilTheLowMark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := sourceOf(some(20*chunkSize), chunkSize), &Copier{High: 8 * chunkSize, Low: 2 * chunkSize}
		var read []int
		r := &reader{}
		r.takes = func(int) time.Duration {
			synctest.Wait()
			read = append(read, s.soFar()/chunkSize)
			return time.Second
		}
		_, err := c.Copy(r, s, false)
		require.NoError(t, err)
		// One by the plain copy, then up to 8 chunks; then none until one is left beside the plain copy's.
		require.Equal(t, []int{1, 8, 8, 8, 8, 8, 8, 14, 14}, read[:9])
	})
}

func TestReaderThatTakesNothingIsCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		copier *Copier
		takes  time.Duration
		after  time.Duration
	}{
		"stall":              {&Copier{Stall: 5 * time.Second}, time.Hour, 5010 * time.Millisecond},
		"default":            {&Copier{}, time.Hour, 30010 * time.Millisecond},
		"total":              {&Copier{Total: 20 * time.Second}, 3 * time.Second, 20010 * time.Millisecond},
		"another rule":       {&Copier{Deadline: func(since, _ time.Time) time.Time { return since.Add(time.Second) }}, time.Hour, 1010 * time.Millisecond},
		"another rule, none": {&Copier{Stall: time.Second, Deadline: func(_, _ time.Time) time.Time { return time.Time{} }}, time.Minute, 0},
		"just in time":       {&Copier{Stall: time.Minute + 1}, time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, began := sourceOf(some(20*chunkSize), chunkSize), time.Now()
				_, err := c.copier.Copy(&reader{takes: func(int) time.Duration { return c.takes }}, s, false)
				if c.after == 0 {
					require.NoError(t, err)
					require.Zero(t, c.copier.Cut.Load())
				} else {
					require.ErrorIs(t, err, ErrCut)
					require.Equal(t, c.after, time.Since(began))
					require.EqualValues(t, 1, c.copier.Cut.Load())
				}
				<-s.closed
				idle(t, c.copier)
			})
		})
	}
}

// A source that has nothing for a while is no fault of the client's.
func TestQuietSourceCutsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := sourceOf(some(1000), 100), &Copier{Stall: time.Second}
		s.pause = time.Minute
		slow := &reader{takes: func(int) time.Duration { return 100 * time.Millisecond }}
		_, err := c.Copy(slow, s, false)
		require.NoError(t, err)
		require.Equal(t, some(1000), slow.got.Bytes())
	})
}

func TestSourceFails(t *testing.T) {
	t.Parallel()
	for name, takes := range map[string]time.Duration{"fast": 0, "slow": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broken, whole := errors.New("broken"), some(3*chunkSize)
				s, c, r := sourceOf(whole, chunkSize), &Copier{}, &reader{takes: func(int) time.Duration { return takes }}
				s.err = broken
				_, err := c.Copy(r, s, false)
				require.ErrorIs(t, err, broken)
				require.ErrorAs(t, err, new(*SourceError))
				require.Equal(t, whole, r.got.Bytes(), "what came before")
				idle(t, c)
			})
		})
	}
}

// A client that goes away frees a source that has nothing to give.
func TestClientFailsWhileTheSourceIsQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone, began := errors.New("gone"), time.Now()
		s, c := sourceOf(some(2*chunkSize), chunkSize), &Copier{}
		s.pause = time.Hour
		_, err := c.Copy(&failing{err: gone, after: time.Second}, s, false)
		require.ErrorIs(t, err, gone)
		require.NotErrorIs(t, err, ErrCut)
		require.NotErrorAs(t, err, new(*SourceError))
		require.Equal(t, time.Hour+time.Second, time.Since(began))
		idle(t, c)
	})
}

// failing is a client that takes nothing for a while and then is gone.
type failing struct {
	reader
	err   error
	after time.Duration
}

func (f *failing) Write([]byte) (int, error) {
	time.Sleep(f.after)
	return 0, f.err
}

// Whatever the sizes and speeds, the bytes are the same, the buffer is bounded and nothing is left.
func TestCopies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		whole := some(rapid.IntRange(0, 30*chunkSize).Draw(rt, "size"))
		high, low := rapid.IntRange(1, 10*chunkSize).Draw(rt, "high"), rapid.IntRange(1, 10*chunkSize).Draw(rt, "low")
		piece := rapid.IntRange(1000, 3*chunkSize).Draw(rt, "piece")
		pause := time.Duration(rapid.IntRange(0, 20).Draw(rt, "pause")) * time.Millisecond
		pauses := rapid.SliceOfN(rapid.IntRange(0, 50), 1, 10).Draw(rt, "pauses")
		flush := rapid.Bool().Draw(rt, "flush")
		var most int64
		synctest.Test(t, func(t *testing.T) {
			c, r, writes := &Copier{High: high, Low: low}, &reader{}, 0
			r.takes = func(int) time.Duration {
				most = max(most, c.Buffered.Load())
				writes++
				return time.Duration(pauses[writes%len(pauses)]) * time.Millisecond
			}
			for range 2 { // the second with what the first left behind
				r.got.Reset()
				s := sourceOf(whole, piece)
				s.pause = pause
				n, err := c.Copy(r, s, flush)
				require.NoError(t, err)
				require.EqualValues(t, len(whole), n)
				require.True(t, bytes.Equal(whole, r.got.Bytes()))
				<-s.closed
				idle(t, c)
			}
		})
		require.LessOrEqual(rt, most, int64(max(high, 2*chunkSize)))
	})
}
