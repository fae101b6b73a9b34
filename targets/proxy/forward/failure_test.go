package forward_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestWhatWentWrongIsSaid(t *testing.T) {
	t.Parallel()
	garbage := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprint(conn, "hello\r\n\r\n")
			_ = conn.Close()
		}
	}
	for name, c := range map[string]struct {
		backend http.HandlerFunc // nil: it refuses connections
		change  func(*lab)
		method  string
		code    int
		text    string
		again   bool
		note    string
		cause   string
	}{
		"refused":   {nil, nil, "POST", 503, "connection refused", true, "a: connection refused", "connect"},
		"no answer": {hang, func(l *lab) { l.Limits.FirstByte = 30 * time.Millisecond }, "GET", 504, "no answer in 30ms", true, "a: no answer in 30ms", "timeout"},
		"post":      {hang, func(l *lab) { l.Limits.FirstByte = 30 * time.Millisecond }, "POST", 504, "no answer in 30ms", false, "a: no answer in 30ms", "timeout"},
		"total":     {hang, func(l *lab) { l.Limits.Total = 30 * time.Millisecond }, "GET", 504, "not done in 30ms", true, "", "timeout"},
		"broken":    {broken, nil, "POST", 502, "connection closed before the end of the answer", false, "a: connection closed before the end of the answer", "broken"},
		"no HTTP":   {garbage, nil, "POST", 502, "no HTTP answer", false, "a: no HTTP answer", "broken"},
		"none":      {ok, func(l *lab) { _ = l.Pool.Remove("a", "asked", 0, true) }, "GET", 503, "no backend is healthy", true, "", "none-healthy"},
		"busy":      {ok, func(l *lab) { l.full() }, "GET", 503, "every backend is at its limit", true, "", "busy"},
		"5xx":       {status(500), nil, "GET", 500, "", false, "a: 500 Internal Server Error", ""},
		"CONNECT":   {ok, nil, "CONNECT", 501, "CONNECT is not supported here", false, "", "refused"},
		"drained":   {func(w http.ResponseWriter, r *http.Request) { hang(w, r) }, func(l *lab) { l.drainSoon() }, "GET", 503, "the backend was drained", true, "", "drained"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l *lab
			if c.backend == nil {
				l = newLab(t)
				l.add(t, "a", refusing(t))
			} else {
				l = newLab(t, c.backend)
			}
			if c.change != nil {
				c.change(l)
			}
			w := httptest.NewRecorder()
			l.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, "/", nil))
			require.Equal(t, c.code, w.Code)
			if c.text != "" {
				var body struct {
					Status int
					Error  string
				}
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
				require.Contains(t, body.Error, c.text)
				require.Equal(t, c.code, body.Status)
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			}
			require.Equal(t, c.again, w.Header().Get("Retry-After") == "1", "Retry-After")
			if c.note == "" {
				require.Empty(t, l.noted())
			} else {
				require.Equal(t, []string{c.note}, l.noted())
			}
			if c.cause == "" {
				require.Empty(t, l.told())
			} else {
				require.Equal(t, []string{c.cause}, l.told())
			}
			for _, s := range l.Pool.List() {
				if name != "busy" {
					require.Zero(t, s.Active, "its place is free again")
				}
			}
		})
	}
}

// full takes every place; drainSoon drains as soon as a request is there.
func (l *lab) full() {
	for range 100 {
		_, _ = l.Pool.Acquire(context.Background(), nil)
	}
}

func (l *lab) drainSoon() {
	b := l.all["a"]
	go func() {
		for b.Active() == 0 {
			time.Sleep(time.Millisecond)
		}
		_ = l.Pool.Remove("a", "asked", 0, true)
	}()
}

func TestAnAnswerThatBreaksOffIsSeenToBeBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		idle time.Duration
		then http.HandlerFunc
		note string
	}{
		"cut":    {within, broken, "a: the answer broke off"},
		"silent": {50 * time.Millisecond, hang, "a: nothing of the answer came in 50ms"},
	} {
		for _, length := range []string{"", "100"} {
			t.Run(name+length, func(t *testing.T) {
				t.Parallel()
				l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
					if length != "" {
						w.Header().Set("Content-Length", length)
					}
					fmt.Fprint(w, "half")
					w.(http.Flusher).Flush()
					c.then(w, r)
				})
				l.Limits.Idle = c.idle
				res, err := l.front.Client().Get(l.front.URL)
				if err == nil {
					_, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
				}
				require.ErrorContains(t, err, "EOF")
				require.Eventually(t, func() bool { return l.all["a"].Active() == 0 }, within, time.Millisecond)
				require.Equal(t, []string{c.note}, l.noted())
				require.EqualValues(t, 1, l.hits["a"].Load(), "never again once a part has been sent")
			})
		}
	}
}

func TestABodyThatStopsIsTheClientsFault(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, ok)
	l.Limits.Idle = 50 * time.Millisecond
	for _, method := range []string{"POST", "PUT"} { // a PUT's is read beforehand
		_, in := l.raw(t, method+" / HTTP/1.1\nHost: h\nContent-Length: 100\n\nhalf")
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Equal(t, 408, res.StatusCode, method)
		require.Empty(t, l.noted())
	}
}

func TestAnAnswerDoesNotWaitForTheRestOfTheBody(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"an early answer": func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				fmt.Fprint(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
				_ = conn.Close()
			}
		},
		"broken": broken,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, h)
			l.Limits.Idle = 50 * time.Millisecond
			_, in := l.raw(t, "POST / HTTP/1.1\nHost: h\nContent-Length: 100000\n\nhalf")
			res, err := http.ReadResponse(in, nil)
			require.NoError(t, err)
			require.GreaterOrEqual(t, res.StatusCode, 400)
		})
	}
}

func TestABodyBeyondTheLimit(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	h := guard.NewHandler(guard.Limits{Body: 1000}, l.Handler)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", io.MultiReader(strings.NewReader(strings.Repeat("x", 5000))))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, 413, w.Code)
	require.Empty(t, l.noted())
}

func TestASlowUploadIsNotCutWhileItMoves(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, len(body))
	})
	l.Limits.FirstByte, l.Limits.Idle = 3*time.Second, 3*time.Second
	conn, in := l.raw(t, "POST / HTTP/1.1\nHost: h\nContent-Length: 5\n\n")
	for range 5 { // longer than each limit, in steps that are shorter
		time.Sleep(700 * time.Millisecond)
		_, err := io.WriteString(conn, "x")
		require.NoError(t, err)
	}
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
}

func TestNoConnectionInTime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = ln.Close() }()
	l.Pool.Transport = func(*backend.Spec) http.RoundTripper {
		return &http.Transport{DialContext: (&net.Dialer{Timeout: time.Nanosecond}).DialContext}
	}
	l.add(t, "a", "http://"+ln.Addr().String())
	res, body := l.do(t, "POST", "/", nil)
	require.Equal(t, 503, res.StatusCode)
	require.Contains(t, body, "no connection in 1s")
	require.Equal(t, "1", res.Header.Get("Retry-After"))
}

func TestASlowAnswerIsNotCutWhileItMoves(t *testing.T) {
	t.Parallel()
	const parts = 5
	l := newLab(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(parts))
		for range parts { // longer than the limit, in steps that are shorter
			fmt.Fprint(w, "x")
			w.(http.Flusher).Flush()
			time.Sleep(700 * time.Millisecond)
		}
	})
	l.Limits.Idle = 3 * time.Second
	_, body := l.do(t, "GET", "/", nil)
	require.Equal(t, strings.Repeat("x", parts), body)
	require.Empty(t, l.noted())
}

// A backend may answer before it has read the request; what it reads then has no holes.
func TestABodyGoesOnAfterTheAnswerHasBegun(t *testing.T) {
	t.Parallel()
	const part, parts = 16 << 10, 12
	for name, framing := range map[string]string{
		"a length": fmt.Sprintf("Content-Length: %d\n\n", part*parts),
		"chunks":   "Transfer-Encoding: chunked\n\n",
	} {
		for _, waits := range []bool{true, false} {
			t.Run(fmt.Sprint(name, waits), func(t *testing.T) {
				t.Parallel()
				l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
					_ = http.NewResponseController(w).EnableFullDuplex()
					w.(http.Flusher).Flush()
					n, err := io.Copy(io.Discard, r.Body)
					fmt.Fprint(w, n, err)
				})
				conn, in := l.raw(t, "POST / HTTP/1.1\nHost: h\n"+framing)
				head := func() *http.Response {
					res, err := http.ReadResponse(in, nil)
					require.NoError(t, err)
					require.Equal(t, 200, res.StatusCode)
					return res
				}
				var res *http.Response
				if waits {
					res = head()
				}
				text := strings.Repeat("x", part)
				if name == "chunks" {
					text = fmt.Sprintf("%x\r\n%s\r\n", part, text)
				}
				for range parts {
					_, err := io.WriteString(conn, text)
					require.NoError(t, err)
				}
				if name == "chunks" {
					_, err := io.WriteString(conn, "0\r\n\r\n")
					require.NoError(t, err)
				}
				if !waits {
					res = head()
				}
				got, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprint(part*parts, "<nil>"), strings.ReplaceAll(string(got), " ", ""))
				require.Empty(t, l.noted())
			})
		}
	}
}
