package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// A backend dies under load and comes back: no client notices, the reason is told, and no request is
// done twice at the other one.
func TestABackendDiesAndComesBack(t *testing.T) {
	t.Parallel()
	a, b := newServer(t, ok), newServer(t, ok)
	p := start(t, file(a, b), "RETRY_PER_SECOND=100")
	p.await("a", backend.Healthy)
	p.await("b", backend.Healthy)
	var users sync.WaitGroup
	var bad, asked atomic.Int64
	stop := make(chan struct{})
	for range 4 {
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				asked.Add(1)
				res, err := p.client.Get(p.listen)
				if err != nil || res.StatusCode != 200 {
					bad.Add(1)
				}
				if err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
				}
			}
		})
	}
	a.kill()
	out := p.await("a", backend.Unhealthy)
	require.Equal(t, "connection refused", out.Reason)
	before := b.hits.Load()
	require.Eventually(t, func() bool { return b.hits.Load() > before+50 }, within, time.Millisecond)
	a.start()
	p.await("a", backend.Healthy)
	before = a.hits.Load()
	require.Eventually(t, func() bool { return a.hits.Load() > before+50 }, within, time.Millisecond, "it has its share again")
	close(stop)
	users.Wait()
	require.Zero(t, bad.Load(), "of %d", asked.Load())
	_, metrics := p.ask("GET", p.admin+"/metrics", nil)
	require.Contains(t, metrics, `proxy_backend_changes_total{backend="a",to="unhealthy"} 1`)
	require.Contains(t, metrics, `proxy_requests_total{class="5xx"} 0`)
	require.Contains(t, strings.Join(p.lines(), ""), `"msg":"backend unhealthy","backend":"a"`)
}

func TestNoPostIsDoneTwice(t *testing.T) {
	t.Parallel()
	var posts atomic.Int64
	count := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == "POST" {
			posts.Add(1)
		}
		panic(http.ErrAbortHandler)
	}
	p := start(t, file(newServer(t, count), newServer(t, count)), "EJECT_AFTER=0", "RETRY_PER_SECOND=100")
	p.await("a", backend.Healthy)
	p.await("b", backend.Healthy)
	for range 10 {
		res, _ := p.ask("POST", "/", strings.NewReader("order"), "Idempotency-Key", "k")
		require.Equal(t, 502, res.StatusCode)
	}
	require.EqualValues(t, 10, posts.Load())
	_, metrics := p.ask("GET", p.admin+"/metrics", nil)
	require.Contains(t, metrics, `proxy_retries_total{result="made"} 0`)
	p.ask("GET", "/", nil)
	_, metrics = p.ask("GET", p.admin+"/metrics", nil)
	require.Contains(t, metrics, `proxy_retries_total{result="made"} 1`)
}

func TestNobodyIsHealthy(t *testing.T) {
	t.Parallel()
	a := newServer(t, ok)
	a.kill()
	p := start(t, file(a), "RETRY_AFTER=3s")
	began := time.Now()
	res, body := p.ask("GET", "/", nil)
	require.Less(t, time.Since(began), within/2, "at once")
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "3", res.Header.Get("Retry-After"))
	require.Contains(t, body, "no backend is healthy")
	res, _ = p.ask("GET", p.admin+"/readyz", nil)
	require.Equal(t, 503, res.StatusCode)
	a.start()
	p.await("a", backend.Healthy)
	res, _ = p.ask("GET", "/", nil)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "a", res.Header.Get("X-Served-By"))
	require.Equal(t, "v1", res.Header.Get("X-Served-Version"))
	require.Len(t, res.Header.Get("X-Request-Id"), 32)
}

func TestFailingAnswersEject(t *testing.T) {
	t.Parallel()
	sick := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) } // but for its health
	p := start(t, file(newServer(t, sick), newServer(t, ok)), "EJECT_AFTER=3", "EJECT_TIME=1h", "EJECT_TIME_MAX=1h")
	p.await("a", backend.Healthy)
	p.await("b", backend.Healthy)
	for range 6 {
		p.ask("GET", "/", nil)
	}
	require.Contains(t, p.await("a", backend.Ejected).Reason, "3 requests in a row failed, the last one: 500 Internal Server Error")
	for range 20 {
		res, _ := p.ask("GET", "/", nil)
		require.Equal(t, 200, res.StatusCode)
	}
}

func TestTheFileIsReadAgain(t *testing.T) {
	t.Parallel()
	a, b, c := newServer(t, ok), newServer(t, ok), newServer(t, ok)
	p := start(t, file(a, b))
	since := p.await("a", backend.Healthy).Since
	p.await("b", backend.Healthy)
	p.write("backends: [{name: a, ulr: http://h:1}]")
	p.signal(syscall.SIGHUP)
	require.Eventually(t, func() bool {
		return strings.Contains(strings.Join(p.lines(), ""), `[1:22] unknown field \"ulr\"`)
	}, within, time.Millisecond)
	require.Len(t, p.backends(), 2)

	p.write(strings.ReplaceAll(file(a, c), "name: b", "name: c"))
	p.signal(syscall.SIGHUP)
	p.await("c", backend.Healthy)
	p.await("b", "")
	require.Equal(t, since, p.backends()["a"].Since, "who stays keeps its state")
	p.write("backends: [")
	res, body := p.ask("POST", p.admin+"/reload", nil)
	require.Equal(t, 422, res.StatusCode)
	require.Contains(t, body, "nothing was changed")
	require.Len(t, p.backends(), 2)
}

// Who is not on this machine can ask how the proxy is, by whatever name, and change nothing.
func TestOperatorsElsewhere(t *testing.T) {
	t.Parallel()
	p := start(t, file(newServer(t, ok)), "OPS_ADDR=127.0.0.1:0")
	p.await("a", backend.Healthy)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.ops, "http://"))
	require.NoError(t, err)
	elsewhere := "http://127.0.0.1:" + port
	for path, want := range map[string]string{"/healthz": `"ok":true`, "/readyz": `"ready":true`, "/metrics": "proxy_active_requests"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", elsewhere+path, nil)
		require.NoError(t, err)
		r.Host = "proxy.example:9090"
		res, err := p.client.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, 200, res.StatusCode, path)
		require.Contains(t, string(body), want)
	}
	for path, method := range map[string]string{"/backends": "GET", "/backends/a": "DELETE", "/reload": "POST", "/events": "GET", "/": "GET"} {
		res, _ := p.ask(method, elsewhere+path, nil)
		require.Equal(t, 404, res.StatusCode, "%s %s", method, path)
	}
	require.Equal(t, backend.Healthy, p.backends()["a"].State)
}

func TestDrainingLosesNothing(t *testing.T) {
	t.Parallel()
	reached, finish := make(chan bool, 3), make(chan bool)
	a := newServer(t, func(w http.ResponseWriter, _ *http.Request) { reached <- true; <-finish; fmt.Fprint(w, "done") })
	p := start(t, file(a, newServer(t, ok)), "PICKER=least-active", "CACHE_BYTES=0")
	p.await("a", backend.Healthy)
	p.await("b", backend.Healthy)
	answers := make(chan string, 3)
	for range 3 { // at least one of them meets a
		go func() { _, body := p.ask("GET", "/", nil); answers <- body }()
	}
	<-reached
	res, _ := p.ask("DELETE", p.admin+"/backends/a?deadline=1h", nil)
	require.Equal(t, 202, res.StatusCode)
	p.await("a", backend.Draining)
	for range 5 {
		res, _ := p.ask("GET", "/", nil)
		require.Equal(t, "b", res.Header.Get("X-Served-By"))
	}
	res, _ = p.ask("DELETE", p.admin+"/backends/b", nil)
	require.Equal(t, 409, res.StatusCode, "the last one")
	close(finish)
	p.await("a", "")
	got := []string{<-answers, <-answers, <-answers}
	require.Contains(t, got, "done")
	for _, g := range got {
		require.Contains(t, []string{"done", "ok"}, g)
	}
}

func TestASpikeIsShed(t *testing.T) {
	t.Parallel()
	hold := make(chan bool)
	a := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-hold
		}
	})
	p := start(t, file(a), "SHED_PERCENT=50", "CACHE_BYTES=0") // of 20
	p.await("a", backend.Healthy)
	var users sync.WaitGroup
	for range 10 {
		users.Go(func() { p.ask("GET", "/slow", nil) })
	}
	require.Eventually(t, func() bool { return a.hits.Load() == 10 }, within, time.Millisecond)
	for range 5 {
		res, _ := p.ask("GET", "/", nil)
		require.Equal(t, 429, res.StatusCode)
		require.Equal(t, "1", res.Header.Get("Retry-After"))
	}
	close(hold)
	users.Wait()
	res, _ := p.ask("GET", "/", nil)
	require.Equal(t, 200, res.StatusCode)
	_, metrics := p.ask("GET", p.admin+"/metrics", nil)
	require.Contains(t, metrics, "proxy_shed_total 5\n")
}

// raw sends text over a connection of its own.
func (p *program) raw(text string) (net.Conn, *bufio.Reader) {
	p.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.listen, "http://"))
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = conn.Close() })
	require.NoError(p.t, conn.SetDeadline(time.Now().Add(within)))
	_, err = io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n"))
	require.NoError(p.t, err)
	return conn, bufio.NewReader(conn)
}

func TestClientsOfAllKinds(t *testing.T) {
	t.Parallel()
	a := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			conn, rw, err := w.(http.Hijacker).Hijack()
			if err == nil {
				fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
				_, _ = io.Copy(conn, rw)
				_ = conn.Close()
			}
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, len(body), r.Proto)
	})
	p := start(t, file(a), "BODY_LIMIT=1000", "URI_LIMIT=100")
	p.await("a", backend.Healthy)

	conn, in := p.raw("GET /ws HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket\n\n")
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 101, res.StatusCode)
	_, err = io.WriteString(conn, "GET nonsense \x00\n")
	require.NoError(t, err)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "GET nonsense \x00\n", line, "nobody judges what is no HTTP")
	require.NoError(t, conn.Close())

	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	defer h2.CloseIdleConnections()
	res, err = (&http.Client{Transport: h2}).Post(p.listen, "text/plain", strings.NewReader("hello"))
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, "5HTTP/1.1", strings.ReplaceAll(string(body), " ", ""))

	hits := a.hits.Load()
	for text, want := range map[string]int{
		"POST / HTTP/1.1\nHost: h\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n": 400,
		"GET / HTTP/1.1\nHost: h\nX: a\n b\n\n":                                            400,
		"POST / HTTP/1.1\nHost: h\nContent-Length: 1001\n\n":                               413,
		"GET /" + strings.Repeat("x", 100) + " HTTP/1.1\nHost: h\n\n":                      414,
	} {
		_, in := p.raw(text)
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Equal(t, want, res.StatusCode, text)
	}
	require.Equal(t, hits, a.hits.Load(), "none of these reached the backend")
	_, metrics := p.ask("GET", p.admin+"/metrics", nil)
	require.Contains(t, metrics, `proxy_refused_total{reason="both Content-Length and Transfer-Encoding"} 1`)
	res, text := p.ask("POST", "/", io.MultiReader(strings.NewReader(strings.Repeat("x", 1001))))
	require.Equal(t, 413, res.StatusCode, text)
}

// What is for everybody is stored, with what the proxy adds for one request left out; what depends on who asks is not.
func TestTheCacheInFrontOfIt(t *testing.T) {
	t.Parallel()
	a := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "the backend's")
		w.Header().Set("Link", "</hint>")
		w.WriteHeader(103)
		w.Header().Del("Link")
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("ETag", `"1"`)
		if r.URL.Path == "/trailer" {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Trailer", "X-Sum")
			defer w.Header().Set("X-Sum", "1")
		}
		fmt.Fprint(w, "for ", r.Header.Get("Cookie"))
	})
	p := start(t, file(a))
	p.await("a", backend.Healthy)
	ids := map[string]bool{}
	for i, want := range []string{"miss", "hit", "hit"} {
		res, body := p.ask("GET", "/", nil)
		require.Equal(t, want, res.Header.Get("X-Cache"), "request %d", i)
		require.Equal(t, "for ", body)
		require.Equal(t, "a", res.Header.Get("X-Served-By"))
		require.Empty(t, res.Header["Link"])
		ids[res.Header.Get("X-Request-Id")] = true
	}
	require.Len(t, ids, 3, "each request has an id of its own, also when it is answered with another's answer")
	require.NotContains(t, ids, "the backend's")
	for _, cookie := range []string{"ann", "bob"} {
		res, body := p.ask("GET", "/", nil, "Cookie", cookie)
		require.Equal(t, "for "+cookie, body)
		require.Equal(t, "pass", res.Header.Get("X-Cache"))
	}
	res, _ := p.ask("GET", "/trailer", nil)
	require.Equal(t, "1", res.Trailer.Get("X-Sum"))
	a.kill()
	p.await("a", backend.Unhealthy)
	res, _ = p.ask("GET", "/", nil, "If-None-Match", `"1"`)
	require.Equal(t, 304, res.StatusCode, "what is stored is served also when nobody is left")
	res, _ = p.ask("GET", "/other", nil)
	require.Equal(t, 503, res.StatusCode)
	_, metrics := p.ask("GET", p.admin+"/metrics", nil)
	require.Contains(t, metrics, `proxy_cache_requests_total{result="hit"} 3`)
}

// There is room for three connections. Who comes then is told so at once, and nobody who is in notices.
func TestMoreConnectionsThanThereMayBe(t *testing.T) {
	t.Parallel()
	a := newServer(t, ok)
	p := start(t, file(a), "CLIENT_CONNECTIONS=3", "RETRY_AFTER=7s")
	p.await("a", backend.Healthy)
	type one struct {
		net.Conn
		in *bufio.Reader
	}
	const request = "GET / HTTP/1.1\nHost: h\n\n"
	answer := func(in *bufio.Reader) *http.Response {
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res
	}
	var inside []one
	for range 3 {
		conn, in := p.raw(request)
		require.Equal(t, 200, answer(in).StatusCode)
		inside = append(inside, one{conn, in})
	}
	for range 5 {
		_, in := p.raw(request)
		res := answer(in)
		require.Equal(t, 503, res.StatusCode)
		require.Equal(t, "7", res.Header.Get("Retry-After"))
	}
	hits := a.hits.Load()
	require.EqualValues(t, 3, hits)
	_, metrics := p.ask("GET", p.admin+"/metrics", nil) // the admin API has an address, and room, of its own
	require.Contains(t, metrics, "proxy_client_connections 3\n")
	require.Contains(t, metrics, "proxy_client_connections_turned_away_total 5\n")
	_, err := io.WriteString(inside[0], strings.ReplaceAll(request, "\n", "\r\n"))
	require.NoError(t, err)
	require.Equal(t, 200, answer(inside[0].in).StatusCode)
	require.NoError(t, inside[0].Close())
	require.Eventually(t, func() bool {
		_, in := p.raw(request)
		return answer(in).StatusCode == 200
	}, within, 5*time.Millisecond, "there is room again")
}

// What no backend can be sent is the client's fault, however often it comes.
func TestNobodyGetsABackendEjectedWithWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"trailer": "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: a b\r\n\r\n0\r\n\r\n",
		"host":    "GET http://xn--%C3%A9/ HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newServer(t, ok), newServer(t, ok)
			p := start(t, file(a, b), "EJECT_AFTER=1", "CACHE_BYTES=0")
			p.await("a", backend.Healthy)
			p.await("b", backend.Healthy)
			for range 3 {
				conn, err := net.Dial("tcp", strings.TrimPrefix(p.listen, "http://"))
				require.NoError(t, err)
				require.NoError(t, conn.SetDeadline(time.Now().Add(within)))
				_, err = io.WriteString(conn, text)
				require.NoError(t, err)
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				require.Equal(t, 400, res.StatusCode)
				require.NoError(t, conn.Close())
			}
			for name, s := range p.backends() {
				require.Equal(t, backend.Healthy, s.State, name)
			}
			require.Zero(t, a.hits.Load()+b.hits.Load())
		})
	}
}
