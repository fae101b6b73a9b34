package guard_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/proxytest"
)

func TestMain(m *testing.M) { proxytest.Main(m) }

// site is a guarded server that answers each request with its method and body.
type site struct {
	address string
	mu      sync.Mutex
	refused []guard.Reason
}

func (s *site) reasons() []guard.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]guard.Reason(nil), s.refused...)
}

func serve(t testing.TB, l guard.Limits, h http.Handler) *site {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &site{address: inner.Addr().String()}
	server := &http.Server{Handler: guard.NewHandler(l, h), ConnState: guard.Hijacked}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	l.Server(server)
	done := make(chan error)
	go func() {
		done <- server.Serve(&guard.Listener{Listener: inner, Refused: func(_ net.Addr, r guard.Reason) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refused = append(s.refused, r)
		}})
	}()
	t.Cleanup(func() {
		_ = server.Close()
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return s
}

func (s *site) dial(t testing.TB) (net.Conn, *bufio.Reader) {
	c, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return c, bufio.NewReader(c)
}

var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	var bad *guard.BodyError
	if errors.As(err, &bad) {
		http.Error(w, bad.Error(), bad.Status)
		return
	}
	_, _ = fmt.Fprintf(w, "%s %d", r.Method, len(b))
})

func answer(t testing.TB, r *bufio.Reader) (int, string) {
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, strings.TrimSpace(string(b))
}

const head = "POST / HTTP/1.1\r\nHost: a\r\n"

func TestRefusalIsAnsweredInItsTurnAndCloses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in     string
		before int // requests that are answered first
		reason guard.Reason
	}{
		"both lengths":   {head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, guard.BothLengths},
		"after a good":   {head + "Content-Length: 5\r\n\r\nhello" + head + "X: y\r\n z\r\n\r\n", 1, guard.Folding},
		"after two":      {head + "\r\n" + head + "\r\n" + head + "X : y\r\n\r\n", 2, guard.SpaceBeforeColon},
		"bad chunk":      {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello5\r\n", 0, guard.BadChunk},
		"long extension": {head + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("x", 999) + "\r\n", 0, guard.LongExtension},
		"much unread":    {head + "X : y\r\n\r\n" + strings.Repeat("x", 200_000), 0, guard.SpaceBeforeColon},
		"bare LF":        {"GET / HTTP/1.1\nHost: a\n\n", 0, guard.BareLF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, guard.Limits{}, echo)
			conn, r := s.dial(t)
			_, err := io.WriteString(conn, c.in)
			require.NoError(t, err)
			for range c.before {
				status, _ := answer(t, r)
				require.Equal(t, 200, status)
			}
			status, _ := answer(t, r)
			require.Equal(t, 400, status)
			require.Equal(t, []guard.Reason{c.reason}, s.reasons())
			_, err = r.ReadByte()
			require.ErrorIs(t, err, io.EOF, "the connection stays open")
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	small := guard.Limits{HeadBytes: 4096, Fields: 10, URI: 100, Body: 10}
	for name, c := range map[string]struct {
		in     string
		status int
	}{
		"bad trailer":  {head + "Transfer-Encoding: chunked\r\nTrailer: a b\r\n\r\n0\r\n\r\n", 400},
		"good trailer": {head + "Transfer-Encoding: chunked\r\nTrailer: a, b\r\n\r\n0\r\n\r\n", 200},
		"bad host":     {"GET http://xn--%C3%A9/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"no host":      {"GET / HTTP/1.0\r\n\r\n", 200},
		"all is well":  {head + "Content-Length: 10\r\n\r\n0123456789", 200},
		"long target":  {"GET /" + strings.Repeat("x", 100) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
		"large head":   {head + "X: " + strings.Repeat("x", 9000) + "\r\n\r\n", 431},
		"many fields":  {head + strings.Repeat("X: y\r\n", 10) + "Y: z\r\n\r\n", 431},
		"large body":   {head + "Content-Length: 11\r\n\r\n0123456789x", 413},
		"large chunks": {head + "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789x\r\n0\r\n\r\n", 413},
		"chunks":       {head + "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, r := serve(t, small, echo).dial(t)
			_, err := io.WriteString(conn, c.in)
			require.NoError(t, err)
			status, text := answer(t, r)
			require.Equal(t, c.status, status, text)
		})
	}
}

func TestUpgradedConnectionIsNotRead(t *testing.T) {
	t.Parallel()
	s := serve(t, guard.Limits{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			return
		}
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_, _ = io.Copy(conn, both)
	}))
	const frames = "\x00\x01 no HTTP \r\n\x00 whatever"
	conn, r := s.dial(t)
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.Equal(t, 101, res.StatusCode)
	_, err = io.WriteString(conn, frames)
	require.NoError(t, err)
	got := make([]byte, len(frames))
	_, err = io.ReadFull(r, got)
	require.NoError(t, err)
	require.Equal(t, frames, string(got))
	require.Empty(t, s.reasons())
}

// Asking for an upgrade does not open the guard: only an answer of 101 does.
func TestUpgradeThatIsNotGrantedIsStillGuarded(t *testing.T) {
	t.Parallel()
	s := serve(t, guard.Limits{}, echo)
	conn, r := s.dial(t)
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"+
		head+"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	require.NoError(t, err)
	status, _ := answer(t, r)
	require.Equal(t, 200, status)
	status, _ = answer(t, r)
	require.Equal(t, 400, status)
}

func TestH2C(t *testing.T) {
	t.Parallel()
	s := serve(t, guard.Limits{Body: 10}, echo)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	for body, want := range map[string]int{"hello": 200, "hello hello hello": 413} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.address, io.MultiReader(strings.NewReader(body)))
		require.NoError(t, err)
		res, err := transport.RoundTrip(req)
		require.NoError(t, err)
		require.Equal(t, 2, res.ProtoMajor)
		require.Equal(t, want, res.StatusCode)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
}

// What is not HTTP/2 after all is not passed on unread.
func TestPrefaceWithoutH2C(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: guard.NewHandler(guard.Limits{}, echo)}
	done := make(chan error)
	go func() { done <- server.Serve(&guard.Listener{Listener: inner}) }()
	defer func() { _ = server.Close(); <-done }()
	conn, r := (&site{address: inner.Addr().String()}).dial(t)
	_, err = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+head+"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	require.NoError(t, err)
	status, _ := answer(t, r)
	require.Equal(t, 505, status)
	_, err = r.ReadByte()
	require.Error(t, err)
}

// HTTP/2 frames a method with any bytes in it, and net/http hands it on.
func TestMethodThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/", nil)
	h := guard.NewHandler(guard.Limits{Fields: -1}, echo)
	require.Zero(t, h.Check(r))
	r.Method = "GET / HTTP/1.1"
	require.Equal(t, 400, h.Check(r))
}
