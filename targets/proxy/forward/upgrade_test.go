package forward_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo changes to the protocol and sends back each line.
func echo(protocol string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Accept: x\r\n\r\nhello\n", protocol)
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprint(conn, "echo ", line)
		}
	}
}

const ask = "GET /ws HTTP/1.1\nHost: h\nConnection: keep-alive, Upgrade\nUpgrade: websocket\n\nearly\n"

func upgraded(t *testing.T, l *lab) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, in := l.raw(t, ask)
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 101, res.StatusCode)
	require.Equal(t, "websocket", res.Header.Get("Upgrade"))
	require.Equal(t, "x", res.Header.Get("Sec-WebSocket-Accept"))
	require.Equal(t, "a", res.Header.Get("X-Served-By"))
	expect(t, in, "hello\n")
	expect(t, in, "echo early\r\n")
	return conn, in
}

func expect(t *testing.T, in *bufio.Reader, want string) {
	t.Helper()
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, want, line)
}

func TestAnUpgradePassesBothWays(t *testing.T) {
	t.Parallel()
	l := newLab(t, echo("websocket"))
	conn, in := upgraded(t, l)
	for range 3 {
		_, err := io.WriteString(conn, "more\n")
		require.NoError(t, err)
		expect(t, in, "echo more\n")
	}
	require.EqualValues(t, 1, l.all["a"].Active(), "it holds its place")
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return l.all["a"].Active() == 0 }, within, time.Millisecond)
}

func TestAnUpgradeEndsWhenItIsSilent(t *testing.T) {
	t.Parallel()
	l := newLab(t, echo("websocket"))
	l.Limits.Upgrade = 3 * time.Second // what upgraded reads may come slowly, too
	_, in := upgraded(t, l)
	_, err := in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

func TestAnUpgradeIsCutWhenItsBackendIsDrained(t *testing.T) {
	t.Parallel()
	l := newLab(t, echo("websocket"))
	_, in := upgraded(t, l)
	require.NoError(t, l.Pool.Remove("a", "asked", 10*time.Millisecond, true))
	_, err := in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

func TestAnUpgradeThatWasNotAskedFor(t *testing.T) {
	t.Parallel()
	l := newLab(t, echo("other"))
	_, in := l.raw(t, ask)
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 502, res.StatusCode)
}

func TestNobodySpeaksHTTP2PastUs(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	l := newLab(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	_, in := l.raw(t, "GET / HTTP/1.1\nHost: h\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\n\n")
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
	h := <-got
	require.Empty(t, h["Upgrade"])
	require.Empty(t, h["Connection"])
	require.Empty(t, h["Http2-Settings"])
}

// Its body would be read by two at once, and what follows it, too.
func TestARequestWithABodyIsNotUpgraded(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a length": "Content-Length: 4\n\nbody",
		"chunks":   "Transfer-Encoding: chunked\n\n4\nbody\n0\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type request struct {
				head http.Header
				body string
			}
			got := make(chan request, 1)
			l := newLab(t, func(_ http.ResponseWriter, r *http.Request) {
				text, _ := io.ReadAll(r.Body)
				got <- request{r.Header, string(text)}
			})
			_, in := l.raw(t, "POST /ws HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket\n"+body)
			res, err := http.ReadResponse(in, nil)
			require.NoError(t, err)
			require.Equal(t, 200, res.StatusCode)
			r := <-got
			require.Equal(t, "body", r.body)
			require.Empty(t, r.head["Upgrade"])
			require.Empty(t, r.head["Connection"])
		})
	}
}

// HTTP/2 has no such upgrades: to such a backend it is a plain request.
func TestAnUpgradeBeforeABackendOfHTTP2(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r
		w.WriteHeader(http.StatusUpgradeRequired)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	l := newLab(t)
	l.put(t, "a", s.URL, true)
	_, in := l.raw(t, ask)
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 426, res.StatusCode)
	r := <-got
	require.Equal(t, 2, r.ProtoMajor)
	require.Empty(t, r.Header["Upgrade"])
	require.Empty(t, l.noted())
}
