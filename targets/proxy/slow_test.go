package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// metric reads one of the proxy's own numbers.
func (p *program) metric(name string) int {
	p.t.Helper()
	_, all := p.ask("GET", p.admin+"/metrics", nil)
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(all)
	require.NotNil(p.t, m, "no metric %s", name)
	n, err := strconv.ParseFloat(m[1], 64)
	require.NoError(p.t, err)
	return int(n)
}

// peak is the most memory that the process has had, in bytes.
func (p *program) peak() int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindStringSubmatch(string(text))
	require.NotNil(p.t, m)
	kb, err := strconv.Atoi(m[1])
	require.NoError(p.t, err)
	return kb << 10
}

// large answers with so many bytes, and counts the requests that it could not answer to the end.
type large struct {
	size    int
	cut     atomic.Int64
	written atomic.Int64
}

func (l *large) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(l.size))
	part := make([]byte, 64<<10)
	for left := l.size; left > 0; {
		n, err := w.Write(part[:min(left, len(part))])
		l.written.Add(int64(n))
		left -= n
		if err != nil {
			l.cut.Add(1)
			return
		}
	}
}

// deaf asks for the large answer, and takes nothing of it but what the kernel keeps.
func (p *program) deaf() net.Conn {
	p.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.listen, "http://"))
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
	require.NoError(p.t, err)
	return conn
}

// Readers of nothing cost no more than the high water mark each, whatever the size of the answer; others are served as
// ever meanwhile; and they are cut at their limit, the backend with them.
func TestReadersOfNothing(t *testing.T) {
	t.Parallel()
	const readers, size, high = 16, 48 << 20, 256 << 10
	l := &large{size: size}
	a := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			l.serve(w, r)
			return
		}
		ok(w, r)
	})
	// The limit is so long that they are all seen, and looked at, before the first of them is cut.
	p := start(t, file(a), "READER_HIGH="+strconv.Itoa(high), "READER_LOW=65536", "READER_STALL=8s", "SEND_BUFFER=65536", "CACHE_BYTES=0")
	p.await("a", backend.Healthy)
	before := p.peak()
	var conns []net.Conn
	for range readers {
		conns = append(conns, p.deaf())
	}
	require.Eventually(t, func() bool { return p.metric("proxy_slow_readers") == readers }, within, 5*time.Millisecond)
	for range 20 {
		require.LessOrEqual(t, p.metric("proxy_slow_reader_bytes"), readers*high)
		res, body := p.ask("GET", "/", nil)
		require.Equal(t, 200, res.StatusCode)
		require.Equal(t, "ok", body)
	}
	require.Eventually(t, func() bool { return p.metric("proxy_slow_readers_cut_total") == readers }, within, 20*time.Millisecond)
	require.Eventually(t, func() bool { return l.cut.Load() == readers }, within, time.Millisecond, "the backend is done with them")
	require.Zero(t, p.metric("proxy_slow_readers"))
	require.Zero(t, p.metric("proxy_slow_reader_bytes"))
	require.Less(t, l.written.Load(), int64(readers*size/2), "nobody has read ahead for them")
	require.Less(t, p.peak()-before, readers*size/8, "of %d bytes that they asked for", readers*size)
	for _, conn := range conns {
		require.NoError(t, conn.SetDeadline(time.Now().Add(within)))
		n, err := io.Copy(io.Discard, conn)
		require.Less(t, n, int64(size))
		if err != nil {
			var timeout net.Error
			require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "the connection has ended: %v", err)
		}
	}
}

// Readers for whom the backend has done its work are no load: others are served beside any number of them.
func TestReadersOfWhatIsBufferedShedNobody(t *testing.T) {
	t.Parallel()
	const readers, size = 40, 192 << 10 // of 20 requests that the backend may have
	l := &large{size: size}
	a := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			l.serve(w, r)
			return
		}
		ok(w, r)
	})
	p := start(t, file(a), "READER_STALL=60s", "SEND_BUFFER=4096", "CACHE_BYTES=0")
	p.await("a", backend.Healthy)
	for i := range readers {
		p.deaf()
		require.Eventually(t, func() bool { return l.written.Load() == int64(size*(i+1)) }, within, time.Millisecond)
	}
	require.Eventually(t, func() bool { return p.metric("proxy_slow_readers") == readers }, within, 5*time.Millisecond)
	res, body := p.ask("GET", "/", nil)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "ok", body)
	require.Zero(t, p.metric("proxy_shed_total"))
}

// A reader that is slow all the time, and takes enough, has the whole answer in the end; the backend does not wait for it
// once what is left is buffered.
func TestReaderThatTakesItsTime(t *testing.T) {
	t.Parallel()
	const size, high, low = 8 << 20, 2 << 20, 1 << 20
	l := &large{size: size}
	p := start(t, file(newServer(t, l.serve)), "READER_HIGH="+strconv.Itoa(high), "READER_LOW="+strconv.Itoa(low), "READER_STALL=10s", "SEND_BUFFER=65536", "CACHE_BYTES=0")
	p.await("a", backend.Healthy)
	conn := p.deaf()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(128<<10)) // or the kernel takes more and more of it in the reader's place
	require.Eventually(t, func() bool { return p.metric("proxy_slow_readers") == 1 }, within, 5*time.Millisecond)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(within)))
	busy := func() bool { return p.metric(`proxy_backend_active_requests{backend="a"}`) > 0 }
	require.True(t, busy(), "there is more than may be buffered")
	got, part := 0, make([]byte, 32<<10)
	for busy() { // to look takes longer than to read: slow
		n, err := conn.Read(part)
		require.NoError(t, err)
		got += n
	}
	// The proxy may have it all before the backend has counted it.
	require.Eventually(t, func() bool { return l.written.Load() == size }, within, time.Millisecond)
	require.Equal(t, 1, p.metric("proxy_slow_readers"), "the backend had to wait for its reader")
	require.Greater(t, p.metric("proxy_slow_reader_bytes"), 0)
	for got < size { // the head is a little more
		n, err := conn.Read(part)
		require.NoError(t, err)
		got += n
	}
	require.Eventually(t, func() bool { return p.metric("proxy_slow_readers") == 0 }, within, 5*time.Millisecond)
	require.Zero(t, p.metric("proxy_slow_readers_cut_total"))
}

// Whoever asks on and on, and reads none of the answers, is cut at the limit, although no single answer is slow.
func TestReadersOfNoHeads(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]string{
		"bodiless": "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
		"our own":  "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, file(newServer(t, ok)), "READER_STALL=1s", "SEND_BUFFER=65536", "CACHE_BYTES=0")
			p.await("a", backend.Healthy)
			conn, err := net.Dial("tcp", strings.TrimPrefix(p.listen, "http://"))
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
			require.NoError(t, conn.SetWriteDeadline(time.Now().Add(within)))
			many := strings.Repeat(ask, 1000)
			for err == nil {
				_, err = io.WriteString(conn, many)
			}
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection is held for ever")
		})
	}
}
