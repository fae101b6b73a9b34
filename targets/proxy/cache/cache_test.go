package cache_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend answers as it is told, and counts.
type backend struct {
	mu      sync.Mutex
	asked   []*http.Request
	headers []string // "Name: value" of each answer
	status  int
	body    string
	answer  func(http.ResponseWriter, *http.Request) // nil: the above
}

func (b *backend) set(body string, headers ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.body, b.headers = body, headers
}

func (b *backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.asked)
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.asked = append(b.asked, r)
	headers, status, body, answer := b.headers, b.status, b.body, b.answer
	b.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		w.Header().Add(name, value)
	}
	if tag := w.Header().Get("Etag"); tag != "" && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(max(status, 200))
	_, _ = io.WriteString(w, body)
}

// get asks for a path with headers, "Name: value" each; a first one without a colon is the method.
func get(c http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	method := "GET"
	if len(headers) > 0 && !strings.Contains(headers[0], ":") {
		method, headers = headers[0], headers[1:]
	}
	r := httptest.NewRequest(method, path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

func how(w *httptest.ResponseRecorder) string { return w.Header().Get("X-Cache") }

var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of time in a bubble

func at(d time.Duration) string { return start.Add(d).Format(http.TimeFormat) }

// freshness says how long an answer is served without asking.
var freshness = map[string]struct {
	headers []string
	fresh   time.Duration // a second less is a hit, this is not
	first   string        // what the first answer is
	after   string        // and the one that comes too late
}{
	"max-age":                  {[]string{"Cache-Control: max-age=60"}, time.Minute, "miss", "miss"},
	"max-age and tag":          {[]string{"Cache-Control: max-age=60", `ETag: "a"`}, time.Minute, "miss", "revalidated"},
	"s-maxage first":           {[]string{"Cache-Control: max-age=6, s-maxage=60"}, time.Minute, "miss", "miss"},
	"Expires":                  {[]string{"Expires: " + at(time.Minute), "Date: " + at(0)}, time.Minute, "miss", "miss"},
	"Expires, clock is ahead":  {[]string{"Expires: " + at(time.Hour), "Date: " + at(time.Hour-time.Minute)}, time.Minute, "miss", "miss"},
	"max-age before Expires":   {[]string{"Cache-Control: max-age=60", "Expires: " + at(0)}, time.Minute, "miss", "miss"},
	"has come a long way":      {[]string{"Cache-Control: max-age=60", "Age: 20"}, 40 * time.Second, "miss", "miss"},
	"has an old Date":          {[]string{"Cache-Control: max-age=60", "Date: " + at(-20*time.Second)}, 40 * time.Second, "miss", "miss"},
	"must-revalidate":          {[]string{"Cache-Control: max-age=60, must-revalidate", `ETag: "a"`}, time.Minute, "miss", "revalidated"},
	"nothing but a tag":        {[]string{`ETag: "a"`}, 0, "miss", "revalidated"},
	"nothing but a date":       {[]string{"Last-Modified: " + at(-time.Hour)}, 0, "miss", "miss"},
	"no-cache":                 {[]string{"Cache-Control: no-cache, max-age=60", `ETag: "a"`}, 0, "miss", "revalidated"},
	"nothing said":             {nil, 0, "pass", "pass"},
	"Expires: 0":               {[]string{"Expires: 0"}, 0, "pass", "pass"},
	"max-age=0":                {[]string{"Cache-Control: max-age=0"}, 0, "pass", "pass"},
	"bad max-age":              {[]string{"Cache-Control: max-age=x"}, 0, "pass", "pass"},
	"no-store":                 {[]string{"Cache-Control: no-store, max-age=60", `ETag: "a"`}, 0, "pass", "pass"},
	"private":                  {[]string{"Cache-Control: private, max-age=60", `ETag: "a"`}, 0, "pass", "pass"},
	"sets a cookie":            {[]string{"Cache-Control: public, max-age=60", "Set-Cookie: a=b"}, 0, "pass", "pass"},
	"Vary on all":              {[]string{"Cache-Control: public, max-age=60", "Vary: Accept, *"}, 0, "pass", "pass"},
	"Vary on what is not sent": {[]string{"Cache-Control: max-age=60", "Vary: Accept-Language, Cookie"}, time.Minute, "miss", "miss"},
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	for name, c := range freshness {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &backend{}
				b.set("hello", c.headers...)
				h := &cache.Cache{Next: b}
				first := get(h, "/")
				require.Equal(t, c.first, how(first))
				require.Equal(t, "hello", first.Body.String())
				began, said := time.Now(), first.Header().Get("Age")
				if c.fresh > 0 {
					time.Sleep(c.fresh - time.Second)
					w := get(h, "/")
					require.Equal(t, "hit", how(w))
					require.Equal(t, "hello", w.Body.String())
					require.Equal(t, 1, b.count())
					require.NotEmpty(t, w.Header().Get("Age"))
					require.NotEmpty(t, w.Header().Get("Date"))
					if said == "" && !strings.Contains(fmt.Sprint(c.headers), "Date") {
						require.Equal(t, strconv.Itoa(int(time.Since(began)/time.Second)), w.Header().Get("Age"))
					}
					time.Sleep(time.Second)
				}
				w := get(h, "/")
				require.Equal(t, c.after, how(w))
				require.Equal(t, "hello", w.Body.String())
				require.Equal(t, 200, w.Code)
				require.Equal(t, 2, b.count())
			})
		})
	}
}

// A lifetime may be guessed only for what is heuristically cacheable (RFC 9110, section 15.1), or says that it is public.
func TestUnsaid(t *testing.T) {
	t.Parallel()
	guessed := map[int]bool{200: true, 203: true, 204: true, 300: true, 301: true, 308: true, 404: true, 410: true,
		201: false, 302: false, 303: false, 307: false, 400: false, 403: false, 500: false, 503: false}
	for status, stored := range guessed {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			b := &backend{answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("ETag", `"a"`)
				w.WriteHeader(status)
			}}
			h := &cache.Cache{Next: b, Unsaid: time.Minute}
			get(h, "/")
			require.Equal(t, stored, how(get(h, "/")) == "hit")
			require.Equal(t, stored, h.Used() > 0)
		})
	}
	for _, status := range []int{302, 307} {
		for _, control := range []string{"max-age=60", "public"} {
			b := &backend{status: status}
			b.set("", "Cache-Control: "+control)
			h := &cache.Cache{Next: b, Unsaid: time.Minute}
			get(h, "/")
			require.Equal(t, "hit", how(get(h, "/")), "%d, %s", status, control)
		}
	}
}

// What a client may ask of the cache.
func TestWishes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ header, want string }{
		"none":           {"Accept: */*", "hit"},
		"no-cache":       {"Cache-Control: no-cache", "revalidated"},
		"no-store":       {"Cache-Control: no-store", "pass"},
		"old enough":     {"Cache-Control: max-age=10", "hit"},
		"too old":        {"Cache-Control: max-age=9", "revalidated"},
		"long enough":    {"Cache-Control: min-fresh=50", "hit"},
		"not so long":    {"Cache-Control: min-fresh=51", "revalidated"},
		"only if cached": {"Cache-Control: only-if-cached", "hit"},
		"a part":         {"Range: bytes=0-1", "pass"},
		"if it matches":  {`If-Match: "a"`, "pass"},
		"an upgrade":     {"Upgrade: websocket", "pass"},
		"a field less":   {"Connection: close, X", "pass"},
		"no field less":  {"Connection: Keep-Alive, TE, upgrade,", "hit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &backend{}
				b.set("hello", "Cache-Control: max-age=60", `ETag: "a"`)
				h := &cache.Cache{Next: b}
				get(h, "/")
				time.Sleep(10 * time.Second)
				require.Equal(t, c.want, how(get(h, "/", c.header)))
			})
		})
	}
	h := &cache.Cache{Next: &backend{}}
	require.Equal(t, 504, get(h, "/", "Cache-Control: only-if-cached").Code)
}

// Who gets an answer that was made for somebody else, and who does not.
func TestWhoGetsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer, from, to string
		shared           bool
	}{
		"anybody":                           {"max-age=60", "", "", true},
		"Authorization, to nobody":          {"max-age=60", "Authorization: Basic a", "", false},
		"Authorization, to the same":        {"max-age=60", "Authorization: Basic a", "Authorization: Basic a", false},
		"nobody, to Authorization":          {"max-age=60", "", "Authorization: Basic a", false},
		"Authorization, public":             {"public, max-age=60", "Authorization: Basic a", "Authorization: Basic b", true},
		"Authorization, s-maxage":           {"s-maxage=60", "Authorization: Basic a", "", true},
		"Authorization, must-revalidate":    {"max-age=60, must-revalidate", "Authorization: Basic a", "Authorization: Basic b", true},
		"Authorization, proxy-revalidate":   {"max-age=60, proxy-revalidate", "Authorization: Basic a", "Authorization: Basic b", false},
		"cookie, to nobody":                 {"max-age=60", "Cookie: a=b", "", false},
		"cookie, to the same":               {"max-age=60", "Cookie: a=b", "Cookie: a=b", false},
		"nobody, to cookie":                 {"max-age=60", "", "Cookie: a=b", false},
		"cookie, must-revalidate":           {"max-age=60, must-revalidate", "Cookie: a=b", "", false},
		"cookie, public":                    {"public, max-age=60", "Cookie: a=b", "Cookie: c=d", true},
		"cookie, public, varies":            {"public, max-age=60; Vary: Cookie", "Cookie: a=b", "Cookie: c=d", false},
		"cookie, public, varies, same":      {"public, max-age=60; Vary: cookie", "Cookie: a=b", "Cookie: a=b", false},
		"nobody, varies, to nobody":         {"max-age=60; Vary: Cookie", "", "", true},
		"nobody, public, varies, to cookie": {"public, max-age=60; Vary: Cookie", "", "Cookie: a=b", false},
		"cookie and Authorization":          {"s-maxage=60", "Authorization: Basic a", "Cookie: a=b", false},
		"varies on Authorization":           {"public, max-age=60; Vary: Authorization", "Authorization: Basic a", "Authorization: Basic b", false},
		"private":                           {"private, max-age=60", "", "", false},
		"private by name":                   {`public, private="x", max-age=60`, "", "", false},
		"varies, same":                      {"max-age=60; Vary: Accept-Language", "Accept-Language: de", "Accept-Language: de", true},
		"varies, other":                     {"max-age=60; Vary: Accept-Language", "Accept-Language: de", "Accept-Language: fr", false},
		"varies, none":                      {"max-age=60; Vary: accept-language", "Accept-Language: de", "", false},
		"came by another way":               {"max-age=60", "X-Forwarded-Proto: http", "X-Forwarded-Proto: https", false},
		"came by another name":              {"max-age=60", "X-Forwarded-Host: evil", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backend{}
			control, vary, _ := strings.Cut(c.answer, "; ")
			headers := []string{"Cache-Control: " + control}
			if vary != "" {
				headers = append(headers, vary)
			}
			b.set("hello", headers...)
			h := &cache.Cache{Next: b}
			request := func(header string) string {
				if header == "" {
					return how(get(h, "/"))
				}
				return how(get(h, "/", header))
			}
			request(c.from)
			got := request(c.to)
			require.Equal(t, c.shared, got == "hit", got)
		})
	}
}

func TestDifferentResources(t *testing.T) {
	t.Parallel()
	b := &backend{answer: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.Host+r.URL.String())
	}}
	h := &cache.Cache{Next: b}
	paths := []string{"/", "/?", "/a", "/a?", "/a?b", "/a%2fb", "/a/b", "http://b.example/a", "/a?b=1&c=2", "/a?c=2&b=1"}
	for range 2 {
		for _, path := range paths {
			get(h, path)
		}
	}
	require.Equal(t, len(paths), b.count())
	require.Equal(t, "hit", how(get(h, "http://b.example/a")))
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	modified := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"tag":               {[]string{`If-None-Match: "a"`}, 304},
		"weak tag":          {[]string{`If-None-Match: W/"a"`}, 304},
		"among tags":        {[]string{`If-None-Match: "x", W/"y,z" ,"a"`}, 304},
		"in the next line":  {[]string{`If-None-Match: "x"`, `If-None-Match: "a"`}, 304},
		"any":               {[]string{`If-None-Match: *`}, 304},
		"other tag":         {[]string{`If-None-Match: "b"`}, 200},
		"part of the tag":   {[]string{`If-None-Match: "a`}, 200},
		"no tag":            {[]string{`If-None-Match: a`}, 200},
		"same date":         {[]string{"If-Modified-Since: " + modified.Format(http.TimeFormat)}, 304},
		"later":             {[]string{"If-Modified-Since: " + modified.Add(time.Hour).Format(http.TimeFormat)}, 304},
		"earlier":           {[]string{"If-Modified-Since: " + modified.Add(-time.Hour).Format(http.TimeFormat)}, 200},
		"no date":           {[]string{"If-Modified-Since: yesterday"}, 200},
		"tag goes before":   {[]string{`If-None-Match: "b"`, "If-Modified-Since: " + modified.Format(http.TimeFormat)}, 200},
		"no condition":      {nil, 200},
		"HEAD":              {[]string{"HEAD"}, 200},
		"HEAD, conditional": {[]string{"HEAD", `If-None-Match: "a"`}, 304},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backend{}
			b.set("hello", "Cache-Control: max-age=60", `ETag: "a"`, "Last-Modified: "+modified.Format(http.TimeFormat), "Content-Type: text/x")
			h := &cache.Cache{Next: b}
			get(h, "/")
			w := get(h, "/", c.headers...)
			require.Equal(t, "hit", how(w))
			require.Equal(t, c.status, w.Code)
			require.Equal(t, `"a"`, w.Header().Get("ETag"))
			require.Equal(t, c.status == 200, w.Header().Get("Content-Length") == "5")
			require.Equal(t, c.status == 200, w.Header().Get("Content-Type") == "text/x")
			require.Equal(t, c.status == 200 && !strings.HasPrefix(name, "HEAD"), w.Body.String() == "hello")
			require.Equal(t, 1, b.count())
		})
	}
}
