package cache_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
)

func TestRevalidation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		b.set("one", "Cache-Control: max-age=60", `ETag: "1"`, "X-Version: 1", "Content-Type: a/b")
		h := &cache.Cache{Next: b}
		get(h, "/")
		time.Sleep(time.Minute)

		// It still holds; what the 304 says is new, and the rest stays.
		b.set("", "Cache-Control: max-age=30", `ETag: "1"`, "X-Version: 2", "X-Request-Id: 7", "Content-Length: 0", "Content-Type: c/d", "Content-Encoding: gzip")
		w := get(h, "/", `If-None-Match: "0"`)
		require.Equal(t, 200, w.Code)
		require.Equal(t, "revalidated", how(w))
		require.Equal(t, "one", w.Body.String())
		require.Equal(t, "3", w.Header().Get("Content-Length"))
		require.Equal(t, "2", w.Header().Get("X-Version"))
		require.Equal(t, `"1"`, b.asked[1].Header.Get("If-None-Match"), "our tag, not the client's")
		time.Sleep(29 * time.Second)
		w = get(h, "/")
		require.Equal(t, "hit", how(w))
		require.Equal(t, "2", w.Header().Get("X-Version"))
		require.Equal(t, "a/b", w.Header().Get("Content-Type"))
		require.Empty(t, w.Header().Get("Content-Encoding"))
		require.Empty(t, w.Header().Get("X-Request-Id"))
		time.Sleep(time.Second)

		// It still holds, and this client has it.
		w = get(h, "/", `If-None-Match: "1"`)
		require.Equal(t, 304, w.Code)
		require.Empty(t, w.Body.String())
		time.Sleep(time.Minute)

		// It does not hold any more, but the client has the new one already.
		b.set("two", "Cache-Control: max-age=60", `ETag: "2"`, "Content-Type: a/b", "Content-Length: 3")
		w = get(h, "/", `If-None-Match: "2"`)
		require.Equal(t, 304, w.Code)
		require.Empty(t, w.Body.String())
		require.Empty(t, w.Header().Get("Content-Type")+w.Header().Get("Content-Length"))
		w = get(h, "/")
		require.Equal(t, "hit", how(w))
		require.Equal(t, "two", w.Body.String())
		time.Sleep(time.Minute)

		// The backend is in trouble: its word is passed on, and the answer may be asked about again.
		b.status = 503
		b.set("sorry")
		w = get(h, "/")
		require.Equal(t, 503, w.Code)
		require.Equal(t, "pass", how(w))
		b.status = 200
		b.set("two", `ETag: "2"`)
		require.Equal(t, "revalidated", how(get(h, "/")))

	})
}

func TestAnswerThatBecameSomebodysOwn(t *testing.T) {
	t.Parallel()
	b := &backend{}
	b.set("two", "Cache-Control: max-age=60", `ETag: "2"`)
	h := &cache.Cache{Next: b}
	get(h, "/")
	require.Positive(t, h.Used())
	b.set("three", "Cache-Control: private", `ETag: "3"`)
	require.Equal(t, "three", get(h, "/", "Cache-Control: no-cache").Body.String())
	require.Zero(t, h.Used())
}

func TestNotModifiedThatForbidsStoring(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"Cache-Control: private", "Set-Cookie: a=b", "Vary: *"} {
		b := &backend{}
		b.set("one", `ETag: "1"`)
		h := &cache.Cache{Next: b}
		get(h, "/")
		b.set("", `ETag: "1"`, header)
		w := get(h, "/")
		require.Equal(t, "one", w.Body.String())
		name, value, _ := strings.Cut(header, ": ")
		require.Equal(t, value, w.Header().Get(name))
		require.Zero(t, h.Used(), header)
	}
}

// A 304 about another answer than ours is no answer: the backend is asked again, without our condition.
func TestNotModifiedOfAnotherAnswer(t *testing.T) {
	t.Parallel()
	b := &backend{}
	b.set("one", `ETag: "1"`)
	h := &cache.Cache{Next: b}
	get(h, "/")
	b.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"2"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, "two")
	}
	require.Equal(t, "two", get(h, "/").Body.String())
}

// A client that has the answer already does not keep it out of the cache, nor does it get it again.
func TestConditionalMissFillsTheCache(t *testing.T) {
	t.Parallel()
	for control, stored := range map[string]bool{"max-age=60": true, "private": false} {
		b := &backend{}
		b.set("one", `ETag: "1"`, "Cache-Control: "+control)
		h := &cache.Cache{Next: b}
		w := get(h, "/", `If-None-Match: "1"`)
		require.Equal(t, 304, w.Code)
		require.Empty(t, w.Body.String())
		require.Equal(t, stored, h.Used() > 0)
		require.Equal(t, 200, get(h, "/", `If-None-Match: "0"`).Code)
		require.Equal(t, "one", get(h, "/").Body.String())
		get(h, "/", `If-None-Match: "1"`)
		last := b.asked[len(b.asked)-1]
		require.Equal(t, stored, last.Header.Get("If-None-Match") == "", "what is not shared is the backend's to answer")
	}
}

// An answer that did not come to its end, or that nobody knows to have, is not stored.
func TestWhatIsNotWholeIsNotStored(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, context.CancelFunc){
		"cut off":        func(w http.ResponseWriter, _ context.CancelFunc) { panic(http.ErrAbortHandler) },
		"too short":      func(w http.ResponseWriter, _ context.CancelFunc) {},
		"too long":       func(w http.ResponseWriter, _ context.CancelFunc) { _, _ = io.WriteString(w, "123456789") },
		"client gone":    func(w http.ResponseWriter, gone context.CancelFunc) { _, _ = io.WriteString(w, "45678"); gone() },
		"client fails":   func(w http.ResponseWriter, _ context.CancelFunc) { _, _ = io.WriteString(w, "fail!") },
		"larger than 8":  func(w http.ResponseWriter, _ context.CancelFunc) { _, _ = io.WriteString(w, "45678") },
		"whole and good": func(w http.ResponseWriter, _ context.CancelFunc) { _, _ = io.WriteString(w, "45678") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, gone := context.WithCancel(t.Context())
			defer gone()
			h := &cache.Cache{Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				if name != "larger than 8" {
					w.Header().Set("Content-Length", "8")
				}
				_, _ = io.WriteString(w, "123")
				answer(w, gone)
			})}
			if name == "larger than 8" {
				h.Object = 7
			}
			w := &weak{ResponseRecorder: httptest.NewRecorder()}
			func() {
				defer func() { _ = recover() }()
				h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
			}()
			require.Equal(t, name == "whole and good", h.Used() > 0)
			require.True(t, strings.HasPrefix(w.Body.String(), "123"), "the client gets what there is")
		})
	}
}

// weak is a client whose connection ends at "fail!".
type weak struct{ *httptest.ResponseRecorder }

func (w *weak) Write(p []byte) (int, error) {
	if string(p) == "fail!" {
		return 0, errors.New("gone")
	}
	return w.ResponseRecorder.Write(p)
}

// What is in front of the cache sets headers for this client alone.
func TestHeadersOfTheRequestAreNotStored(t *testing.T) {
	t.Parallel()
	b := &backend{}
	b.set("hello", "Cache-Control: max-age=60", "X-Request-Id: 1", "Connection: x", "Keep-Alive: 5", "X-Own: backend")
	h := &cache.Cache{Next: b}
	for _, want := range []string{"miss", "hit"} {
		w := httptest.NewRecorder()
		w.Header().Set("X-For", want)
		w.Header().Set("X-Own", "front")
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		require.Equal(t, want, how(w))
		require.Equal(t, want, w.Header().Get("X-For"))
		require.Equal(t, "backend", w.Header().Get("X-Own"))
		require.Equal(t, want == "miss", w.Header().Get("X-Request-Id") == "1")
	}
	w := get(h, "/")
	require.Empty(t, w.Header().Get("X-For"))
	require.Empty(t, w.Header().Get("Keep-Alive"))
}

// Over a real connection: early hints and flushes reach the client, trailers too, and such an answer is not stored.
func TestPassesTheRestOn(t *testing.T) {
	t.Parallel()
	more := make(chan bool)
	h := &cache.Cache{Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "hello")
		if http.NewResponseController(w).Flush() != nil {
			panic("it cannot flush")
		}
		<-more
		w.Header().Set("X-Sum", "1")
	})}
	server := httptest.NewServer(h)
	defer server.Close()
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	start := make([]byte, 5)
	_, err = io.ReadFull(res.Body, start)
	require.NoError(t, err)
	close(more)
	_, err = io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "1", res.Trailer.Get("X-Sum"))
	require.Equal(t, "pass", res.Header.Get("X-Cache"))
	require.Zero(t, h.Used())
}

// A flush while the backend says 304 must not begin the client's answer.
func TestFlushOfA304(t *testing.T) {
	t.Parallel()
	b := &backend{}
	b.set("one", `ETag: "1"`)
	h := &cache.Cache{Next: b}
	get(h, "/")
	b.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-New", "1")
		w.WriteHeader(http.StatusNotModified)
		_ = http.NewResponseController(w).Flush()
	}
	w := get(h, "/")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "1", w.Result().Header.Get("X-New"))
}
