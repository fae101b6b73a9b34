package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

var brief = Latency{Median: script.Duration(time.Microsecond)}

func ms(n int) script.Duration { return script.Duration(time.Duration(n) * time.Millisecond) }

func TestAnswer(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Version: "7", Pages: []Page{{Path: "/big", Size: 1000, SetCookie: "a=b"}}})
	a := u.get("/things?n=1", "m1", "Authorization", "Bearer ada")
	require.NoError(t, a.err)
	require.Equal(t, 200, a.status)
	require.JSONEq(t, `{"method":"GET","path":"/things?n=1","version":"7","user":"ada","pad":""}`, a.body)
	require.Equal(t, []string{"7", "upstream", "m1"}, []string{a.header.Get(VersionHeader), a.header.Get(BackendHeader), a.header.Get(RequestID)})

	r := u.ended(t, "m1")
	require.Equal(t, Record{Backend: "upstream", N: 1, ID: "m1", Method: "GET", Path: "/things", User: "ada", Version: "7",
		Came: r.Came, Began: r.Began, Ended: r.Ended, Status: 200, Bytes: int64(len(a.body))}, r)
	require.True(t, r.Ended.After(r.Began) && r.Began.After(r.Came))
	came := u.came(t, "m1")
	require.Zero(t, came.Ended)
	require.Zero(t, came.Status)

	a = u.get("/big", "", "Cookie", "user=bob")
	require.Len(t, a.body, 1000)
	require.Contains(t, a.body, `"user":"bob"`)
	require.Equal(t, "a=b", a.header.Get("Set-Cookie"))
	a = u.ask(t.Context(), http.MethodHead, "/big", "m3")
	require.Equal(t, "1000", a.header.Get("Content-Length"))
	require.Empty(t, a.body)
	require.False(t, u.ended(t, "m3").Gone)
	a = u.ask(t.Context(), http.MethodPost, "/big", "m4")
	require.Contains(t, a.body, `"method":"POST"`)
}

func TestClosesItsConnections(t *testing.T) {
	t.Parallel()
	for _, closes := range []bool{true, false} {
		s, err := Listen(t.Context(), Config{Script: Script{Closes: closes}})
		require.NoError(t, err)
		transport := new(http.Transport)
		res, err := (&http.Client{Transport: transport}).Get(s.URL())
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, closes, res.Close)
		transport.CloseIdleConnections()
		require.NoError(t, s.Close())
	}
}

func TestConditionalGet(t *testing.T) {
	t.Parallel()
	pages := []Page{
		{Path: "/alike", ETag: true, Alike: true, CacheControl: "max-age=60, must-revalidate"},
		{Path: "/vary", ETag: true, Alike: true, Vary: "Accept-Language, X-Other"},
		{Path: "/mine", ETag: true},
	}
	u, other := listen(t, Script{Pages: pages}), listen(t, Script{Pages: pages})
	tag := func(u *up, path string, headers ...string) string {
		a := u.get(path, "", headers...)
		require.NoError(t, a.err)
		require.Equal(t, 200, a.status)
		require.NotEmpty(t, a.header.Get("ETag"))
		return a.header.Get("ETag")
	}
	alike := tag(u, "/alike")
	require.Equal(t, alike, tag(other, "/alike"), "a shared cache may ask another upstream")
	require.Equal(t, alike, tag(u, "/alike", "Authorization", "Bearer ada"))
	require.NotEqual(t, tag(u, "/mine", "Authorization", "Bearer ada"), tag(u, "/mine", "Authorization", "Bearer bob"))
	require.NotEqual(t, tag(u, "/vary", "Accept-Language", "de"), tag(u, "/vary", "Accept-Language", "en"))
	require.NotEqual(t, tag(u, "/vary"), tag(u, "/vary", "X-Other", "1"))
	require.Equal(t, "Accept-Language, X-Other", u.get("/vary", "").header.Get("Vary"))

	for _, given := range []string{alike, "W/" + alike, `"x", ` + alike, "*"} {
		a := u.get("/alike", "", "If-None-Match", given)
		require.Equal(t, 304, a.status, given)
		require.Empty(t, a.body)
		require.Equal(t, alike, a.header.Get("ETag"))
		require.Equal(t, "max-age=60, must-revalidate", a.header.Get("Cache-Control"))
	}
	require.Equal(t, 200, u.get("/alike", "", "If-None-Match", `"x"`).status)
	require.Equal(t, 200, u.ask(t.Context(), http.MethodPost, "/alike", "", "If-None-Match", "*").status)
	pages[0].Edition = 2
	require.NoError(t, u.Set(Script{Pages: pages}))
	require.NotEqual(t, alike, tag(u, "/alike"))
}

func TestRulesOnRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		rule  Rule
		code  int
		check func(*testing.T, reply)
	}{
		{"fail", Rule{Do: Fail}, 500, func(t *testing.T, a reply) { require.Equal(t, 500, a.status) }},
		{"redirect", Rule{Do: Fail, Status: 301}, 301, func(t *testing.T, a reply) {
			require.Equal(t, 301, a.status)
			require.Equal(t, "/a/", a.header.Get("Location"))
		}},
		{"no content", Rule{Do: Fail, Status: 204}, 204, func(t *testing.T, a reply) { require.Equal(t, 204, a.status) }},
		{"by path", Rule{Do: Fail, Match: "/a", Status: 429}, 429, func(t *testing.T, a reply) { require.Equal(t, 429, a.status) }},
		{"slow", Rule{Do: Slow, Delay: ms(1)}, 0, func(t *testing.T, a reply) { require.Equal(t, 200, a.status) }},
		{"cut", Rule{Do: Cut}, 200, func(t *testing.T, a reply) {
			require.Equal(t, 200, a.status)
			require.ErrorIs(t, a.err, io.ErrUnexpectedEOF)
			require.Len(t, a.body, 500)
		}},
		{"reset", Rule{Do: Reset}, 0, func(t *testing.T, a reply) { require.ErrorIs(t, a.err, syscall.ECONNRESET) }},
		{"slow body", Rule{Do: SlowBody, Rate: 1_000_000}, 200, func(t *testing.T, a reply) { require.Len(t, a.body, 1000) }},
		{"huge", Rule{Do: Huge, MB: 3}, 200, func(t *testing.T, a reply) { require.Len(t, a.body, 3<<20) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.rule.Match = cmpOr(c.rule.Match, "m1")
			c.rule.Times = 2
			u := listen(t, Script{Latency: brief, Pages: []Page{{Size: 1000}}, Rules: []Rule{{Do: Fail, Match: "nobody"}, c.rule}})
			require.Equal(t, 200, u.get("/", "other").status)
			for range 2 {
				a := u.get("/a", "m1")
				c.check(t, a)
				e := u.event(t)
				require.NotEmpty(t, e.Text)
				require.Equal(t, Event{Backend: "upstream", Do: c.rule.Do, ID: "m1", Code: c.code, Text: e.Text}, e)
				require.Equal(t, int64(len(a.body)), u.ended(t, "m1").Bytes)
			}
			require.Equal(t, 200, u.get("/a", "m1").status)
			require.Empty(t, u.events)
		})
	}
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// A body at some rate takes its time, and its sender notices when the caller goes.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Latency: brief, Rules: []Rule{{Do: SlowBody, Rate: 500, Match: "m1"}, {Do: SlowBody, Rate: 1, Match: "m2"}}})
	begin := time.Now()
	a := u.get("/", "m1")
	require.NoError(t, a.err)
	want := time.Duration(len(a.body)-25) * time.Second / 500 // behind the last of its 20 pieces a second there is no wait
	require.GreaterOrEqual(t, time.Since(begin), want)

	ctx, cancel := context.WithCancel(t.Context())
	go func() { u.event(t); u.event(t); cancel() }()
	require.ErrorIs(t, u.ask(ctx, "GET", "/", "m2").err, context.Canceled)
	require.True(t, u.ended(t, "m2").Gone)
}

// sparse is a caller who keeps nothing.
type sparse struct {
	http.ResponseWriter
	n int64
}

func (s *sparse) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	return len(p), nil
}

// A huge body is made while it is sent. (Not in parallel: it looks at what is allocated.)
func TestHugeBodyNeedsNoMemory(t *testing.T) {
	u := listen(t, Script{Latency: brief, Rules: []Rule{{Do: Huge, MB: 200}}})
	w := &sparse{ResponseWriter: httptest.NewRecorder()}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	u.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	runtime.ReadMemStats(&after)
	require.Equal(t, int64(200<<20), w.n)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

// Requests beyond the threads wait, and are done to their end although the caller has gone.
func TestThreads(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Latency: brief, Threads: 1})
	stuck, err := u.Add(Rule{Do: Hang, Match: "m1"})
	require.NoError(t, err)
	first := later(func() reply { return u.get("/", "m1") })
	<-stuck.Hit()
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan int, 1)
	go func() { // without a connection, whose end takes its time to be noticed
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", http.NoBody)
		r.Header.Set(RequestID, "m2")
		u.ServeHTTP(w, r)
		second <- w.Code
	}()
	require.Zero(t, u.came(t, "m2").Began)
	health := later(func() reply { return u.get("/healthz", "m3") })
	u.came(t, "m3")
	cancel()
	require.Empty(t, health)
	require.Empty(t, second)
	stuck.Remove()
	require.Equal(t, 200, <-second)
	require.Equal(t, 200, (<-first).status)
	require.Equal(t, 200, (<-health).status)
	r := u.ended(t, "m2")
	require.True(t, r.Gone)
	require.Equal(t, 200, r.Status)
	require.False(t, u.ended(t, "m1").Gone)
}

// A connection beyond the limit waits in the kernel: its request is not even seen.
func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Latency: brief, Connections: 1, Backlog: 1})
	stuck, err := u.Add(Rule{Do: Hang, Match: "m0"})
	require.NoError(t, err)
	first := later(func() reply { return u.get("/", "m0") })
	<-stuck.Hit()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, u.ask(ctx, "GET", "/", "m1").err, context.DeadlineExceeded)
	require.EqualValues(t, 1, u.n.Load())
	stuck.Remove()
	require.Equal(t, 200, (<-first).status)
	require.Equal(t, 200, u.get("/", "m2").status)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Health: "/up", Latency: brief, Pool: Pool{Size: 1, Wait: ms(1)}, Rules: []Rule{
		{On: OnHealth, Do: Fail, Status: 404, Turn: script.Turn{Times: 2}},
		{Do: Down, Part: Broker, Turn: script.Turn{Times: 1}},
		{Do: Down, Part: Disk, Turn: script.Turn{Times: 1}},
	}})
	health := func() (int, string) {
		a := u.get("/up", "")
		require.NoError(t, a.err)
		return a.status, a.body
	}
	const allUp = `{"status":"UP","components":{"disk":{"status":"UP"},"dataSource":{"status":"UP"},"broker":{"status":"UP"},"cache":{"status":"UP"}}}`
	for range 2 {
		status, _ := health()
		require.Equal(t, 404, status)
	}
	status, body := health()
	require.Equal(t, 503, status)
	require.JSONEq(t, strings.NewReplacer(`"status":"UP","comp`, `"status":"DOWN","comp`,
		`"disk":{"status":"UP"}`, `"disk":{"status":"DOWN","error":"disk does not answer"}`,
		`"broker":{"status":"UP"}`, `"broker":{"status":"DOWN","error":"broker does not answer"}`).Replace(allUp), body)
	status, body = health()
	require.Equal(t, 200, status)
	require.JSONEq(t, allUp, body)

	leak, err := u.Add(Rule{Do: Leak, Turn: script.Turn{Times: 1}})
	require.NoError(t, err)
	require.Equal(t, 200, u.get("/", "m1").status)
	a := u.get("/", "m2")
	require.Equal(t, 500, a.status)
	require.Contains(t, a.body, "no data source connection within 1ms")
	status, body = health()
	require.Equal(t, 503, status)
	require.Contains(t, body, `"dataSource":{"status":"DOWN","error":"no connection within 1ms, all 1 are in use"}`)
	require.NoError(t, u.Set(Script{Health: "/up", Latency: brief, Pool: Pool{Size: 1}}), "whose connections are the same")
	leak.Remove()
	require.Equal(t, 200, u.get("/", "m3").status, "the connection came back")
}

func TestHealthForATime(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Rules: []Rule{{On: OnHealth, Do: Fail, Status: 503, Within: ms(50)}}})
	require.Eventually(t, func() bool { return u.get("/healthz", "").status == 200 }, time.Minute, time.Millisecond)
	require.GreaterOrEqual(t, u.age(), 50*time.Millisecond)
	rule := Rule{On: OnHealth, Do: Fail, Within: ms(50)}
	require.True(t, rule.matches(OnHealth, "", "/healthz", 49*time.Millisecond))
	require.False(t, rule.matches(OnHealth, "", "/healthz", 50*time.Millisecond))
}

func TestDeadlock(t *testing.T) {
	t.Parallel()
	for _, apart := range []bool{false, true} {
		t.Run(fmt.Sprint("health apart ", apart), func(t *testing.T) {
			t.Parallel()
			u := listen(t, Script{Latency: brief, HealthApart: apart})
			a, err := u.Add(Rule{Do: Deadlock, Match: "m2"})
			require.NoError(t, err)
			require.Equal(t, 200, u.get("/", "m1").status)
			culprit := later(func() reply { return u.get("/", "m2") })
			require.Equal(t, "m2", u.event(t).ID)
			victim := later(func() reply { return u.get("/", "m3") })
			u.came(t, "m3")
			health := later(func() reply { return u.get("/healthz", "h") })
			if apart {
				require.Equal(t, 200, (<-health).status)
			} else {
				u.came(t, "h")
				require.Empty(t, health)
			}
			require.Empty(t, culprit)
			require.Empty(t, victim)
			a.Remove()
			require.Equal(t, 200, (<-culprit).status)
			require.Equal(t, 200, (<-victim).status)
			if !apart {
				require.Equal(t, 200, (<-health).status)
			}
		})
	}
}

// The process burns, answers nobody in time, and lives.
func TestSpiral(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Latency: brief})
	a, err := u.Add(Rule{Do: Spiral, Match: "m1", Delay: script.Duration(time.Microsecond)})
	require.NoError(t, err)
	before := cpu(t)
	culprit := later(func() reply { return u.get("/", "m1") })
	require.Equal(t, "m1", u.event(t).ID)
	health := later(func() reply { return u.get("/healthz", "h") })
	u.came(t, "h")
	require.Eventually(t, func() bool { return cpu(t)-before > 50*time.Millisecond }, time.Minute, time.Millisecond)
	require.Empty(t, health)
	require.Empty(t, culprit)
	a.Remove()
	require.Equal(t, 200, (<-health).status)
	require.Equal(t, 200, (<-culprit).status)
	require.Equal(t, 200, u.get("/", "m2").status)
}

// Just begun, a spiral that doubles slowly is hardly felt.
func TestSpiralBeginsGently(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Latency: brief, Rules: []Rule{{Do: Spiral, Delay: script.Duration(script.MaxDelay)}}})
	require.Equal(t, 200, u.get("/", "m1").status)
	require.Equal(t, 200, u.get("/", "m2").status)
}

func cpu(t *testing.T) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano())
}

func TestAccount(t *testing.T) {
	t.Parallel()
	account := listen(t, Script{Latency: brief, Rules: []Rule{{Do: Fail, Status: 503, Match: "m2"}, {Do: Hang, Match: "m3"}}})
	u := listen(t, Script{Latency: brief, Account: Account{URL: account.URL() + "/accounts"}})
	require.Equal(t, 200, u.get("/", "m1").status)
	require.Equal(t, "/accounts", account.ended(t, "m1").Path)
	a := u.get("/", "m2")
	require.Equal(t, 500, a.status)
	require.Contains(t, a.body, "it answered 503")
	require.NoError(t, u.Set(Script{Latency: brief, Account: Account{URL: account.URL() + "/accounts", Timeout: ms(100)}}))
	a = u.get("/", "m3")
	require.Equal(t, 500, a.status)
	require.Contains(t, a.body, "deadline exceeded")
	account.rules.Clear()
	require.Equal(t, 200, account.ended(t, "m3").Status, "it works on, for nobody")

	require.NoError(t, u.Set(Script{Latency: brief, Account: Account{URL: account.URL(), Share: 0.5}}))
	asked := func() int64 { return account.n.Load() }
	before := asked()
	for i := range 100 {
		require.Equal(t, 200, u.get("/", fmt.Sprint("n", i)).status)
	}
	require.InDelta(t, 50, asked()-before, 20)

	require.NoError(t, u.Set(Script{Latency: brief, Account: Account{URL: account.URL(), Path: "/account"}}))
	before = asked()
	require.Equal(t, 200, u.get("/items", "i1").status)
	require.Equal(t, before, asked(), "this path needs no account")
	require.Equal(t, 200, u.get("/accounts", "i2").status)
	require.Equal(t, before+1, asked())
}

func TestDeathInProcess(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Rules: []Rule{{Do: Crash, Match: "m1"}}})
	require.Error(t, u.get("/", "m1").err)
	<-u.Done()
	require.NoError(t, u.Close())
	require.ErrorIs(t, context.Cause(u.ctx), ErrDied)
	require.ErrorIs(t, u.get("/", "m2").err, syscall.ECONNREFUSED)
	require.Equal(t, 3, u.event(t).Code)

	_, err := Listen(t.Context(), Config{Script: Script{Rules: []Rule{{On: OnBoot, Do: Refuse}}}})
	require.ErrorIs(t, err, ErrRefused)
	_, err = Listen(t.Context(), Config{Script: Script{Rules: []Rule{{On: OnBoot, Do: OOM}}}})
	require.ErrorIs(t, err, ErrDied)
	_, err = Listen(t.Context(), Config{Script: Script{Threads: -1}})
	require.ErrorContains(t, err, "threads")
	_, err = u.Add(Rule{Do: "explode"})
	require.ErrorContains(t, err, "explode")
	require.ErrorContains(t, u.Set(Script{Backlog: -1}), "backlog")
}

// What is under way when the upstream ends is dropped, wherever it stands.
func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	u := listen(t, Script{Latency: Latency{Median: ms(60_000)}, Threads: 1, Rules: []Rule{{Do: Hang, Match: "m2"}}})
	first := later(func() reply { return u.get("/", "m1") })
	u.came(t, "m1")
	second := later(func() reply { return u.get("/", "m2") })
	u.came(t, "m2")
	require.NoError(t, u.Close())
	require.Error(t, (<-first).err)
	require.Error(t, (<-second).err)
	require.Zero(t, u.ended(t, "m1").Status)
	require.Zero(t, u.ended(t, "m2").Status)
}
