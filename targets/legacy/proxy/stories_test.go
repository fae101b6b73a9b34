package legacyproxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

var stories = map[string]story{
	"C2-any-answer-is-healthy": illIsOut(http.StatusNotFound),
	"C3-never-back":            recoveredIsBack,
	"C3-out-too-soon":          thresholdsAreAsTold,
	"C3-out-too-late":          thresholdsAreAsTold,
	"C3-in-too-soon":           thresholdsAreAsTold,
	"C5-sends-to-drained":      drainedGetsNothing,
	"C5-sends-to-starting":     startingGetsNothing,
	"C9-retries-post":          postIsDoneOnce,
	"C9-says-done":             whatFailedIsSaid,
	"C9-never-retries":         deadIsAskedElsewhere,
	"D6-429-for-ever":          nobodyIsTurnedAwayAfterTheSpike,
	"D6-sheds-too-soon":        mostOfTheRoomIsUsed,
	"D6-lets-all-wait":         tooManyAreTurnedAway,
	"D7-always-whole":          theEditionThatAClientHasIsNotSent,
	"D7-stores-nothing":        theStoredIsNotAskedForAgain,
	"D7-never-revalidates":     theStaleIsAskedForAgain,
	"D7-always-revalidates":    theStoredIsNotAskedForAgain,
	"D8-cache-without-user":    everyoneGetsTheirOwn,
	"D1-alive-is-healthy":      illIsOut(0),
	"D9-unbounded-buffer":      slowReaderHoldsTheBackendBack,
	"D9-cuts-at-once":          pauseIsForgiven,
	"D9-total-limit":           steadyReaderHasAll,
	"D5-no-bulkhead":           hungBackendHoldsFew,
	"D5-no-budget":             outageIsNotMultiplied,
	"C6-no-retry-after":        outageSaysWhenToComeAgain,
	"C6-lets-wait":             outageIsToldAtOnce,
	"D3-blip-ejects":           blipChangesNothing,
	"N3-any-end-is-the-end":    partIsNotWhole,
	"N4-takes-turns":           busyBackendIsLeftAlone,
	"N5-reads-to-the-end":      wholeAnswerIsPassedOn,
	"N6-waits-for-ever":        silenceHasALimit,

	"fail-one-in-500":       eachOrderIsTakenOnce,
	"cut-one-in-500":        eachOrderIsTakenOnce,
	"post-twice-one-in-500": eachOrderIsTakenOnce,
}

// illIsOut has a backend answer its checks with that status; 0: not at all.
func illIsOut(health int32) story {
	return func(t *testing.T, change func(*proxy.Proxy)) bool {
		a := newServer(t, ok)
		a.health.Store(health)
		l := start(t, change, []*server{a})
		return await(t, l.is("a", backend.Unhealthy), l.is("a", backend.Healthy))
	}
}

func thresholdsAreAsTold(t *testing.T, change func(*proxy.Proxy)) bool {
	l := startChecked(t, quick, change, []*server{newServer(t, ok)})
	l.until(backend.Healthy, "a")
	h := l.Pool.Find("a").Health
	return h.Healthy == 2 && h.Unhealthy == 2
}

func recoveredIsBack(t *testing.T, change func(*proxy.Proxy)) bool {
	a := newServer(t, ok)
	l := startChecked(t, quick, change, []*server{a})
	l.until(backend.Healthy, "a")
	a.health.Store(http.StatusServiceUnavailable)
	l.until(backend.Unhealthy, "a")
	a.health.Store(http.StatusOK)
	before := a.checks.Load()
	return await(t, l.is("a", backend.Healthy), func() bool { return a.checks.Load() >= before+10 })
}

// drainedGetsNothing has a backend that still works on a request when it is told to drain.
func drainedGetsNothing(t *testing.T, change func(*proxy.Proxy)) bool {
	work := make(chan bool)
	a := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			<-work
		}
	})
	l := start(t, change, []*server{a})
	l.until(backend.Healthy, "a")
	var user sync.WaitGroup
	user.Go(func() { l.ask("GET", "/long", "") })
	require.Eventually(t, func() bool { return a.hits.Load() == 1 }, within, time.Millisecond)
	b := newServer(t, ok)
	address, err := url.Parse(b.url)
	require.NoError(t, err)
	spec := *l.Pool.Find("a")
	spec.Name, spec.URL = "b", address
	l.Pool.Put(spec)
	l.until(backend.Healthy, "b")
	require.NoError(t, l.Pool.Remove("a", "asked", within, false))
	for range 5 {
		l.ask("GET", "/", "")
	}
	got := a.hits.Load()
	close(work)
	user.Wait()
	return got == 1
}

// startingGetsNothing adds a backend that is not healthy yet.
func startingGetsNothing(t *testing.T, change func(*proxy.Proxy)) bool {
	l := start(t, change, []*server{newServer(t, ok)})
	l.until(backend.Healthy, "a")
	b := newServer(t, ok)
	b.health.Store(http.StatusServiceUnavailable)
	address, err := url.Parse(b.url)
	require.NoError(t, err)
	spec := *l.Pool.Find("a")
	spec.Name, spec.URL, spec.Health.Grace = "b", address, within
	l.Pool.Put(spec)
	for range 5 {
		l.ask("GET", "/", "")
	}
	return b.hits.Load() == 0
}

func postIsDoneOnce(t *testing.T, change func(*proxy.Proxy)) bool {
	var mu sync.Mutex
	var orders []string
	dies := func(_ http.ResponseWriter, r *http.Request) {
		order, _ := io.ReadAll(r.Body)
		mu.Lock()
		orders = append(orders, string(order))
		mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	l := start(t, change, []*server{newServer(t, dies), newServer(t, dies)})
	l.until(backend.Healthy, "a", "b")
	res, _ := l.ask("POST", "/", "order")
	require.Equal(t, http.StatusBadGateway, res.StatusCode)
	mu.Lock()
	defer mu.Unlock()
	for _, order := range orders {
		require.Equal(t, "order", order)
	}
	return len(orders) == 1
}

// whatFailedIsSaid has a backend that cuts every request.
func whatFailedIsSaid(t *testing.T, change func(*proxy.Proxy)) bool {
	a := newServer(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	l := start(t, change, []*server{a})
	l.until(backend.Healthy, "a")
	res, _ := l.ask(http.MethodPost, "/", "order")
	require.Positive(t, a.hits.Load())
	return res.StatusCode == http.StatusBadGateway
}

// deadIsAskedElsewhere has a backend that cuts every request, beside one that is well.
func deadIsAskedElsewhere(t *testing.T, change func(*proxy.Proxy)) bool {
	dies := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	a := newServer(t, dies)
	l := start(t, change, []*server{a, newServer(t, ok)}, "EJECT_AFTER=0")
	l.until(backend.Healthy, "a", "b")
	well := true
	for range 4 {
		res, _ := l.ask(http.MethodGet, "/", "")
		well = well && res.StatusCode == http.StatusOK
	}
	require.Positive(t, a.hits.Load())
	return well
}

func nobodyIsTurnedAwayAfterTheSpike(t *testing.T, change func(*proxy.Proxy)) bool {
	spike, after := make(chan bool), make(chan bool)
	a := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/spike":
			<-spike
		case "/after":
			<-after
		}
	})
	l := start(t, change, []*server{a}, "SHED_PERCENT=50")
	l.until(backend.Healthy, "a")
	var users sync.WaitGroup
	for range most / 2 {
		users.Go(func() { l.ask("GET", "/spike", "") })
	}
	require.Eventually(t, func() bool { return a.hits.Load() == most/2 }, within, time.Millisecond)
	res, _ := l.ask("GET", "/", "")
	require.Equal(t, http.StatusTooManyRequests, res.StatusCode)
	close(spike)
	users.Wait()
	require.Eventually(t, func() bool { return l.Shed.Active() == 0 }, within, time.Millisecond)
	users.Go(func() { l.ask("GET", "/after", "") })
	require.Eventually(t, func() bool { return a.hits.Load() == most/2+1 }, within, time.Millisecond)
	res, _ = l.ask("GET", "/", "") // there are two now
	close(after)
	users.Wait()
	return res.StatusCode == http.StatusOK
}

// tooManyAreTurnedAway has one request more than the backend may have at the same time, which answers none of them.
func tooManyAreTurnedAway(t *testing.T, change func(*proxy.Proxy)) bool {
	over := make(chan bool)
	a := newServer(t, func(http.ResponseWriter, *http.Request) { <-over })
	l := start(t, change, []*server{a})
	l.until(backend.Healthy, "a")
	var users sync.WaitGroup
	defer users.Wait()
	defer close(over)
	var away atomic.Int64
	for range most + 1 {
		users.Go(func() {
			if res, _ := l.ask("GET", "/", ""); res.StatusCode == http.StatusTooManyRequests {
				away.Add(1)
			}
		})
	}
	return await(t, func() bool { return away.Load() > 0 }, func() bool { return l.Pool.Queued() > 0 })
}

// mostOfTheRoomIsUsed has as many requests as two thirds of what the backend may have.
func mostOfTheRoomIsUsed(t *testing.T, change func(*proxy.Proxy)) bool {
	const requests = most * 2 / 3
	over := make(chan bool)
	a := newServer(t, func(http.ResponseWriter, *http.Request) { <-over })
	l := start(t, change, []*server{a})
	l.until(backend.Healthy, "a")
	var users sync.WaitGroup
	defer users.Wait()
	defer close(over)
	for range requests {
		users.Go(func() { l.ask("GET", "/", "") })
	}
	return await(t, func() bool { return a.hits.Load() == requests }, func() bool { return l.Shed.Shed() > 0 })
}

// editions is a backend that says something else each time.
func editions(t *testing.T, control string) *server {
	var n atomic.Int64
	return newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		edition := n.Add(1)
		w.Header().Set("Cache-Control", control)
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, edition))
		fmt.Fprint(w, edition)
	})
}

func theStoredIsNotAskedForAgain(t *testing.T, change func(*proxy.Proxy)) bool {
	a := editions(t, "max-age=3600")
	l := start(t, change, []*server{a}, "CACHE_BYTES=1000000")
	l.until(backend.Healthy, "a")
	l.ask("GET", "/", "")
	_, text := l.ask("GET", "/", "")
	return text == "1" && a.hits.Load() == 1
}

func theEditionThatAClientHasIsNotSent(t *testing.T, change func(*proxy.Proxy)) bool {
	a := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("ETag", `"1"`)
		fmt.Fprint(w, "1")
	})
	l := start(t, change, []*server{a}, "CACHE_BYTES=1000000")
	l.until(backend.Healthy, "a")
	l.ask("GET", "/", "")
	res, text := l.ask("GET", "/", "", "If-None-Match", `"1"`)
	return res.StatusCode == http.StatusNotModified && text == ""
}

func theStaleIsAskedForAgain(t *testing.T, change func(*proxy.Proxy)) bool {
	a := editions(t, "max-age=0, must-revalidate")
	l := start(t, change, []*server{a}, "CACHE_BYTES=1000000")
	l.until(backend.Healthy, "a")
	l.ask("GET", "/", "")
	_, text := l.ask("GET", "/", "")
	return text == "2"
}

func everyoneGetsTheirOwn(t *testing.T, change func(*proxy.Proxy)) bool {
	a := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		fmt.Fprint(w, r.Header.Get("Cookie"), r.Header.Get("Authorization"))
	})
	l := start(t, change, []*server{a}, "CACHE_BYTES=1000000")
	l.until(backend.Healthy, "a")
	leaks := 0
	for _, header := range []string{"Cookie", "Authorization"} {
		for _, user := range []string{"ann", "bob"} {
			if _, got := l.ask("GET", "/"+header, "", header, user); got != user {
				leaks++
			}
		}
	}
	return leaks == 0
}

// slowReaderHoldsTheBackendBack has a client that takes nothing of an answer that is too much for all that the
// kernel keeps. The backend must not get rid of it.
func slowReaderHoldsTheBackendBack(t *testing.T, change func(*proxy.Proxy)) bool {
	const stalled, size = 6 * time.Second, 32 << 20
	rid := make(chan bool, 1)
	a := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 64<<10)
		for range size / len(part) {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(stalled))
			if _, err := w.Write(part); err != nil {
				rid <- false
				return
			}
		}
		rid <- true
	})
	l := start(t, change, []*server{a})
	l.until(backend.Healthy, "a")
	res, err := l.client.Get(l.url)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	return !<-rid
}

// pauseIsForgiven has a client that reads nothing for a moment, far shorter than its limit, and has all of it then.
func pauseIsForgiven(t *testing.T, change func(*proxy.Proxy)) bool {
	return readsAll(t, change, func(body io.Reader) (int64, error) {
		time.Sleep(time.Second) // the pause
		return io.Copy(io.Discard, body)
	})
}

// steadyReaderHasAll has a client that takes four seconds for an answer, and some of it all the time.
func steadyReaderHasAll(t *testing.T, change func(*proxy.Proxy)) bool {
	return readsAll(t, change, func(body io.Reader) (n int64, err error) {
		for err == nil {
			time.Sleep(25 * time.Millisecond) // its pace
			var m int64
			m, err = io.CopyN(io.Discard, body, hugeSize/160)
			n += m
		}
		return n, err
	})
}

// hugeSize is of an answer that fits into no buffer.
const hugeSize = 32 << 20

// readsAll tells whether a client that reads in its own way is given the whole of a huge answer.
func readsAll(t *testing.T, change func(*proxy.Proxy), read func(io.Reader) (int64, error)) bool {
	a := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 64<<10)
		for range hugeSize / len(part) {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	})
	l := start(t, change, []*server{a}, "READER_STALL=30s")
	l.until(backend.Healthy, "a")
	res, err := l.client.Get(l.url)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	n, err := read(res.Body)
	return (err == nil || err == io.EOF) && n == hugeSize
}

// outageIsNotMultiplied has everything fail: a fifth of the requests may be tried again.
func outageIsNotMultiplied(t *testing.T, change func(*proxy.Proxy)) bool {
	const requests = 100
	down := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	a, b, c := newServer(t, down), newServer(t, down), newServer(t, down)
	l := start(t, change, []*server{a, b, c}, "EJECT_AFTER=0", "RETRY_PER_SECOND=0", "RETRY_PERCENT=20")
	l.until(backend.Healthy, "a", "b", "c")
	for range requests {
		l.ask(http.MethodGet, "/", "")
	}
	hits := a.hits.Load() + b.hits.Load() + c.hits.Load()
	require.GreaterOrEqual(t, hits, int64(requests))
	return hits <= requests*6/5
}

// hungBackendHoldsFew has a backend that never answers requests. Each must have an answer nevertheless, and
// there must be no more of them at the backend than it may have.
func hungBackendHoldsFew(t *testing.T, change func(*proxy.Proxy)) bool {
	const requests = most + 10
	var hung, answered atomic.Int64
	var over atomic.Bool
	a := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		if hung.Add(1) > most {
			over.Store(true)
		}
		<-r.Context().Done()
		hung.Add(-1)
	})
	// So long that they are all there before the first of them is given up, and its place is free for another.
	l := start(t, change, []*server{a}, "FIRST_BYTE_TIMEOUT=5s")
	l.until(backend.Healthy, "a")
	var users sync.WaitGroup
	t.Cleanup(users.Wait)
	for range requests {
		users.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url, nil)
			if err != nil {
				return
			}
			if res, err := l.client.Do(r); err == nil {
				answered.Add(1)
				_ = res.Body.Close()
			}
		})
	}
	return await(t, func() bool { return answered.Load() == requests && !over.Load() }, over.Load)
}

func outageSaysWhenToComeAgain(t *testing.T, change func(*proxy.Proxy)) bool {
	a := newServer(t, ok)
	a.health.Store(http.StatusServiceUnavailable)
	l := start(t, change, []*server{a}, "RETRY_AFTER=7s")
	l.until(backend.Unhealthy, "a")
	res, _ := l.ask("GET", "/", "")
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	return res.Header.Get("Retry-After") == "7"
}

// outageIsToldAtOnce asks four times: nobody waits so long that the backend is asked for its health several times meanwhile.
func outageIsToldAtOnce(t *testing.T, change func(*proxy.Proxy)) bool {
	a := newServer(t, ok)
	a.health.Store(http.StatusServiceUnavailable)
	l := startChecked(t, quick, change, []*server{a})
	l.until(backend.Unhealthy, "a")
	before := a.checks.Load()
	for range 4 {
		res, _ := l.ask("GET", "/", "")
		require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	}
	return a.checks.Load()-before < 4
}

func blipChangesNothing(t *testing.T, change func(*proxy.Proxy)) bool {
	var asked atomic.Int64
	a := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	l := start(t, change, []*server{a, newServer(t, ok)})
	l.until(backend.Healthy, "a", "b")
	return await(t, func() bool { l.ask("GET", "/", ""); return asked.Load() >= 3 }, l.is("a", backend.Ejected))
}

// eachOrderIsTakenOnce sends 500 orders, one after the other: each is answered, and the backend has each once.
func eachOrderIsTakenOnce(t *testing.T, change func(*proxy.Proxy)) bool {
	const orders = 500
	a := newServer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	l := start(t, change, []*server{a})
	l.until(backend.Healthy, "a")
	answered := 0
	for n := range orders {
		order := fmt.Sprint(n)
		res, err := l.client.Post(l.url, "text/plain", strings.NewReader(order))
		if err != nil {
			continue
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err == nil && res.StatusCode == http.StatusOK && string(body) == order {
			answered++
		}
	}
	return answered == orders && a.hits.Load() == orders
}

// partIsNotWhole has a backend that ends in the middle of its answer. The client must not take the part for all.
func partIsNotWhole(t *testing.T, change func(*proxy.Proxy)) bool {
	a := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10000")
		_, _ = w.Write(make([]byte, 5000))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	l := start(t, change, []*server{a})
	l.until(backend.Healthy, "a")
	res, err := l.client.Get(l.url)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	_, err = io.ReadAll(res.Body)
	return err != nil
}

// busyBackendIsLeftAlone has one of two backends that answers nothing until the others were asked for more.
func busyBackendIsLeftAlone(t *testing.T, change func(*proxy.Proxy)) bool {
	const requests = 10
	done := make(chan bool)
	busy := newServer(t, func(http.ResponseWriter, *http.Request) { <-done })
	l := start(t, change, []*server{busy, newServer(t, ok)}, "PICKER=least-active")
	l.until(backend.Healthy, "a", "b")
	var users sync.WaitGroup
	var answered atomic.Int64
	for range requests {
		before := answered.Load() + busy.hits.Load()
		users.Go(func() { l.ask("GET", "/", ""); answered.Add(1) })
		require.Eventually(t, func() bool { return answered.Load()+busy.hits.Load() > before }, within, time.Millisecond)
	}
	hits := busy.hits.Load()
	close(done)
	users.Wait()
	return hits <= 1
}

// wholeAnswerIsPassedOn has a backend that says how long its answer is, and keeps the connection open.
func wholeAnswerIsPassedOn(t *testing.T, change func(*proxy.Proxy)) bool {
	const wait = 8 * time.Second
	l := start(t, change, []*server{newLinger(t, wait)})
	l.until(backend.Healthy, "a")
	began := time.Now()
	_, text := l.ask("GET", "/", "")
	require.Equal(t, "ok", text)
	return time.Since(began) < wait
}

// newLinger is a server that closes its connections so long after an answer, or when its test ends.
func newLinger(t *testing.T, wait time.Duration) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	over := make(chan bool)
	var conns sync.WaitGroup
	t.Cleanup(func() { close(over); require.NoError(t, ln.Close()); conns.Wait() })
	conns.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer func() { _ = conn.Close() }()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
				select {
				case <-time.After(wait):
				case <-over:
				}
			})
		}
	})
	return &server{url: "http://" + ln.Addr().String()}
}

// silenceHasALimit has a backend that says nothing, and a client that waits far longer than the proxy should.
func silenceHasALimit(t *testing.T, change func(*proxy.Proxy)) bool {
	a := newServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	l := start(t, change, []*server{a}, "FIRST_BYTE_TIMEOUT=50ms")
	l.until(backend.Healthy, "a")
	patience, over := context.WithTimeout(t.Context(), 3*time.Second)
	defer over()
	r, err := http.NewRequestWithContext(patience, http.MethodGet, l.url, nil)
	require.NoError(t, err)
	res, err := l.client.Do(r)
	if err != nil {
		require.ErrorIs(t, err, context.DeadlineExceeded)
		return false
	}
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusGatewayTimeout, res.StatusCode)
	return true
}
