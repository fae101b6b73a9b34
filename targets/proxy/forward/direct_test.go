package forward_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/forward"
)

// scripted is a backend that answers the n-th request of its m-th connection with answer(m, n), both from 1, and closes
// the connection after one that ends with closed. It gives a transport to it, and the number of its connections.
func scripted(t *testing.T, keep time.Duration, answer func(conn, request int) string) (http.RoundTripper, string, *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	conns := &atomic.Int64{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			go speak(c, int(conns.Add(1)), answer)
		}
	}()
	to := "http://" + l.Addr().String()
	return transport(t, to, keep), to, conns
}

func speak(c net.Conn, conn int, answer func(conn, request int) string) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	for n := 1; ; n++ {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		text := answer(conn, n)
		text, last := strings.CutSuffix(text, closed)
		if _, err := io.WriteString(c, text); err != nil || last {
			return
		}
	}
}

func transport(t *testing.T, to string, keep time.Duration) http.RoundTripper {
	t.Helper()
	u, err := url.Parse(to)
	require.NoError(t, err)
	tr := forward.Transport(&backend.Spec{URL: u, MaxActive: 10}, within, keep)
	t.Cleanup(tr.(interface{ CloseIdleConnections() }).CloseIdleConnections)
	return tr
}

const closed = "<closed>"

const well = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func get(t *testing.T, tr http.RoundTripper, to string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	require.NoError(t, err)
	res, err := tr.RoundTrip(r)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(res.Body)
	require.NoError(t, res.Body.Close())
	return fmt.Sprint(res.StatusCode, " ", string(body)), err
}

// TestDirectConnections has two GETs, one after the other: what they come to, and how many connections they take.
func TestDirectConnections(t *testing.T) {
	t.Parallel()
	once := func(first string) func(conn, request int) string {
		return func(conn, request int) string {
			if conn == 1 && request == 1 {
				return first
			}
			return well
		}
	}
	for name, c := range map[string]struct {
		answer func(conn, request int) string
		want   []string // answers, or parts of errors
		conns  int64
	}{
		"kept":                    {once(well), []string{"200 ok", "200 ok"}, 1},
		"an empty answer":         {once("HTTP/1.1 204 No Content\r\n\r\n"), []string{"204 ", "200 ok"}, 1},
		"chunks":                  {once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), []string{"200 ok", "200 ok"}, 1},
		"closes":                  {once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"), []string{"200 ok", "200 ok"}, 2},
		"says what nobody asked":  {once(well + "HTTP/1.1 408 Request Timeout\r\nContent-Length: 3\r\n\r\nbad"), []string{"200 ok", "200 ok"}, 2},
		"says it after the empty": {once("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 408 Request Timeout\r\n\r\n"), []string{"204 ", "200 ok"}, 2},
		"informs":                 {once("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + well), []string{"200 ok", "200 ok"}, 1},
		"changes unasked":         {once("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), []string{"101 ", "200 ok"}, 2},
		"an endless head":         {once("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300<<10)), []string{"the head of the answer is longer", "200 ok"}, 2},
		"endless 1xx":             {once(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20_000)), []string{"the head of the answer is longer", "200 ok"}, 2},
		"no HTTP":                 {once("SSH-2.0-x\r\n\r\n"), []string{"malformed HTTP", "200 ok"}, 2},
		"a part of the answer":    {once("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok" + closed), []string{"unexpected EOF", "200 ok"}, 2},
		"nothing on a new one":    {once(closed), []string{"EOF", "200 ok"}, 2},
		"nothing on a kept one": {func(conn, request int) string {
			if request == 2 {
				return closed
			}
			return well
		}, []string{"200 ok", "200 ok"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, to, conns := scripted(t, time.Minute, c.answer)
			for _, want := range c.want {
				got, err := get(t, tr, to)
				if err != nil {
					got = err.Error()
				}
				require.Contains(t, got, want)
			}
			require.Equal(t, c.conns, conns.Load())
		})
	}
}

// TestDirectAsksAgainOnce has a backend that closes each connection at the second request, and each further one at the first.
func TestDirectAsksAgainOnce(t *testing.T) {
	t.Parallel()
	tr, to, conns := scripted(t, time.Minute, func(conn, request int) string {
		if conn == 1 && request == 1 {
			return well
		}
		return closed
	})
	got, err := get(t, tr, to)
	require.NoError(t, err)
	require.Equal(t, "200 ok", got)
	_, err = get(t, tr, to)
	require.Error(t, err)
	require.Equal(t, int64(2), conns.Load())
}

func TestDirectGivesOldConnectionsUp(t *testing.T) {
	t.Parallel()
	var open atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	for _, keep := range []time.Duration{10 * time.Millisecond, time.Hour} {
		tr := transport(t, s.URL, keep)
		for range 3 {
			got, err := get(t, tr, s.URL)
			require.NoError(t, err)
			require.Equal(t, "200 ok", got)
		}
		if keep == time.Hour {
			require.Equal(t, int64(1), open.Load())
			tr.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		}
		require.Eventually(t, func() bool { return open.Load() == 0 }, within, time.Millisecond)
	}
}

// TestDirectClosesWhatIsGivenUp has an answer that nobody reads to its end, and one that is under way when the backend leaves.
func TestDirectClosesWhatIsGivenUp(t *testing.T) {
	t.Parallel()
	ended, goOn := make(chan bool, 2), make(chan bool)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/endless" {
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 1<<10))
			}
			ended <- true
			return
		}
		<-goOn
		fmt.Fprint(w, "ok")
	}))
	t.Cleanup(s.Close)
	tr := transport(t, s.URL, time.Hour)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/endless", nil)
	require.NoError(t, err)
	res, err := tr.RoundTrip(r)
	require.NoError(t, err)
	_, err = io.ReadFull(res.Body, make([]byte, 100))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	<-ended
	_, err = res.Body.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)

	r.URL.Path = "/"
	close(goOn)
	res, err = tr.RoundTrip(r)
	require.NoError(t, err)
	tr.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "ok", string(body))
	s.Close() // waits for connections that are not idle
}
