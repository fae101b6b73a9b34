package flow_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/flow"
)

var pattern = func() []byte {
	b := make([]byte, 64<<10)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}()

// noise is an answer that is the same each time.
type noise struct{ left int }

func (n *noise) Read(p []byte) (int, error) {
	if n.left == 0 {
		return 0, io.EOF
	}
	m := copy(p[:min(n.left, len(p))], pattern[251-n.left%251:]) // each byte by its place, and no chunk like the one before
	n.left -= m
	return m, nil
}

func (n *noise) Close() error { return nil }

func sum(t testing.TB, r io.Reader) [32]byte {
	h := sha256.New()
	_, err := io.CopyBuffer(h, struct{ io.Reader }{r}, make([]byte, 256<<10))
	require.NoError(t, err)
	return [32]byte(h.Sum(nil))
}

// serve answers each request with size bytes through c. What Copy says comes through the channel.
func serve(t testing.TB, c *flow.Copier, size int) (string, <-chan error) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	copied := make(chan error, 10)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := c.Copy(w, &noise{size}, false)
		copied <- err
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan error)
	go func() { done <- server.Serve(&flow.Listener{Listener: inner}) }()
	t.Cleanup(func() {
		_ = server.Close()
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return "http://" + inner.Addr().String(), copied
}

func get(t testing.TB, url string, h2 bool) io.ReadCloser {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!h2)
	transport.Protocols.SetUnencryptedHTTP2(h2)
	t.Cleanup(transport.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	require.NoError(t, err)
	res, err := transport.RoundTrip(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res.Body
}

var protocols = map[string]bool{"HTTP/1.1": false, "h2c": true}

func TestReaderOfNothing(t *testing.T) {
	t.Parallel()
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &flow.Copier{Stall: 5 * time.Second} // no machine is so busy that a quick reader takes nothing for so long
			url, copied := serve(t, c, 24<<20)
			stuck := get(t, url, h2)
			_, err := io.Copy(io.Discard, io.LimitReader(stuck, 1000))
			require.NoError(t, err)
			quick := sum(t, get(t, url, h2))
			require.Equal(t, sum(t, &noise{24 << 20}), quick, "somebody else's answer, meanwhile")
			var results []error
			for range 2 {
				results = append(results, <-copied)
			}
			require.ErrorIs(t, errors.Join(results...), flow.ErrCut)
			require.EqualValues(t, 1, c.Cut.Load())
			require.Zero(t, c.Slow.Load())
			require.Zero(t, c.Buffered.Load())
			_, err = io.Copy(io.Discard, stuck)
			require.Error(t, err, "it must not take this for the whole answer")
		})
	}
}

// A reader that is slow, but takes something within the limit, gets the whole answer.
func TestSlowReaderFinishes(t *testing.T) {
	t.Parallel()
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size = 12 << 20
			c := &flow.Copier{Stall: 10 * time.Second, Patience: time.Millisecond}
			url, copied := serve(t, c, size)
			body := get(t, url, h2)
			slow := false
			got := sum(t, &paced{body, func() { slow = slow || c.Slow.Load() == 1 }})
			require.Equal(t, sum(t, &noise{size}), got)
			require.NoError(t, <-copied)
			require.True(t, slow, "it was never slow")
		})
	}
}

// paced reads at most 256 KB in 20 ms.
type paced struct {
	r    io.Reader
	each func()
}

func (p *paced) Read(b []byte) (int, error) {
	p.each()
	time.Sleep(20 * time.Millisecond)
	return io.ReadFull(p.r, b[:min(len(b), 256<<10)])
}

// A small answer is the server's to send when the handler is done: the limit holds for that, too.
func TestLimitHoldsAfterTheHandler(t *testing.T) {
	t.Parallel()
	c := &flow.Copier{Stall: 50 * time.Millisecond}
	w := &deadlines{ResponseWriter: httptest.NewRecorder()}
	before := time.Now()
	_, err := c.Copy(w, &noise{10}, false)
	require.NoError(t, err)
	require.False(t, w.at.Before(before.Add(c.Stall)) || w.at.After(time.Now().Add(c.Stall)))
}

type deadlines struct {
	http.ResponseWriter
	at time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error { d.at = t; return nil }

func TestFlush(t *testing.T) {
	t.Parallel()
	for _, flush := range []bool{false, true} {
		w := httptest.NewRecorder()
		_, err := new(flow.Copier).Copy(w, &noise{10}, flush)
		require.NoError(t, err)
		require.Equal(t, flush, w.Flushed)
		_, err = new(flow.Copier).Copy(struct{ http.ResponseWriter }{w}, &noise{10}, flush)
		require.NoError(t, err, "where flushing is not possible")
	}
}

func TestListenerBoundsTheSendBuffer(t *testing.T) {
	t.Parallel()
	for set, want := range map[int]int{0: 256 << 10, 1000: 1000, -1: 0} {
		fake := &buffered{}
		c, err := (&flow.Listener{Listener: fake, SendBuffer: set}).Accept()
		require.NoError(t, err)
		require.Same(t, fake, c)
		require.Equal(t, want, fake.size)
	}
}

// buffered is a listener that accepts itself.
type buffered struct {
	net.Listener
	net.Conn
	size int
}

func (b *buffered) Accept() (net.Conn, error)  { return b, nil }
func (b *buffered) Close() error               { return nil }
func (b *buffered) SetWriteBuffer(n int) error { b.size = n; return nil }
