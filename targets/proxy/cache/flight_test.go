package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
)

// crowd has n clients ask at once, and gives how long the last one waited, and what they got.
func crowd(n int, h http.Handler, headers func(i int) []string) (took time.Duration, bodies map[string]int) {
	began := time.Now()
	var clients sync.WaitGroup
	var mu sync.Mutex
	bodies = map[string]int{}
	for i := range n {
		clients.Go(func() {
			var own []string
			if headers != nil {
				own = headers(i)
			}
			defer func() { _ = recover() }() // an answer that was cut off
			w := get(h, "/", own...)
			mu.Lock()
			defer mu.Unlock()
			bodies[w.Body.String()]++
		})
	}
	clients.Wait()
	return time.Since(began), bodies
}

// after answers when some time has passed.
func after(d time.Duration, then func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(d)
		then(w, r)
	}
}

func says(control, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", control)
		_, _ = io.WriteString(w, body)
	}
}

const tenth = 100 * time.Millisecond

func TestACrowdIsOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: after(tenth, says("max-age=60", "hello"))}
		h := &cache.Cache{Next: b}
		for wave := range 3 { // the second asks for what has become stale
			took, bodies := crowd(50, h, nil)
			require.Equal(t, tenth, took)
			require.Equal(t, map[string]int{"hello": 50}, bodies)
			require.Equal(t, wave+1, b.count())
			require.EqualValues(t, 49*(wave+1), h.Collapsed.Load())
			time.Sleep(time.Minute)
		}
	})
}

// A slow backend is no reason to ask it more often, up to a point.
func TestACrowdBeforeASlowBackend(t *testing.T) {
	t.Parallel()
	for takes, asked := range map[time.Duration]int{10*time.Second - 1: 1, 11 * time.Second: 50} {
		synctest.Test(t, func(t *testing.T) {
			b := &backend{answer: after(takes, says("max-age=60", "hello"))}
			took, bodies := crowd(50, &cache.Cache{Next: b}, nil)
			require.Equal(t, map[string]int{"hello": 50}, bodies)
			require.Equal(t, asked, b.count())
			require.LessOrEqual(t, took, takes+10*time.Second)
		})
	}
}

// Those whose answers cannot be shared wait for each other at most once.
func TestACrowdOfTheirOwnAnswers(t *testing.T) {
	t.Parallel()
	for name, control := range map[string]string{"private": "private", "no-store": "no-store", "not fresh": "max-age=0", "always asked": "no-cache"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &backend{answer: after(tenth, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("ETag", `"a"`)
					says(control, r.Header.Get("X-Me"))(w, r)
				})}
				h := &cache.Cache{Next: b}
				me := func(i int) []string { return []string{fmt.Sprintf("X-Me: %d", i)} }
				took, bodies := crowd(50, h, me)
				require.Equal(t, 2*tenth, took, "until it is known")
				require.Len(t, bodies, 50)
				took, bodies = crowd(50, h, me)
				require.Equal(t, tenth, took, "it is known")
				require.Len(t, bodies, 50)
				require.Equal(t, 100, b.count())
				time.Sleep(time.Hour)
				took, _ = crowd(50, h, me)
				require.Equal(t, h.Used() > 0, took == tenth, "it was forgotten, unless the answer is there to tell")
				require.Zero(t, h.Collapsed.Load())
			})
		})
	}
}

func TestWhoIsKnownWaitsForNobody(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"Cookie: a=%d", "Authorization: Basic %d"} {
		synctest.Test(t, func(t *testing.T) {
			b := &backend{answer: after(tenth, says("private", "hello"))}
			h := &cache.Cache{Next: b}
			took, _ := crowd(50, h, func(i int) []string { return []string{fmt.Sprintf(header, i)} })
			require.Equal(t, tenth, took)
			took, _ = crowd(2, h, nil)
			require.Equal(t, 2*tenth, took, "that tells nothing of the others")
		})
	}
}

// Who wants an answer of its own is not given another's.
func TestWishesAreNotShared(t *testing.T) {
	t.Parallel()
	for _, wish := range []string{"no-cache", "max-age=0", "min-fresh=61"} {
		synctest.Test(t, func(t *testing.T) {
			b := &backend{answer: after(tenth, says("max-age=60", "hello"))}
			h := &cache.Cache{Next: b}
			took, _ := crowd(10, h, func(int) []string { return []string{"Cache-Control: " + wish} })
			require.Equal(t, tenth, took)
			require.Equal(t, 10, b.count())
		})
	}
}

func TestOtherVariantsGoAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: after(tenth, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "Accept-Language")
			says("max-age=60", r.Header.Get("Accept-Language"))(w, r)
		})}
		h := &cache.Cache{Next: b}
		took, bodies := crowd(30, h, func(i int) []string { return []string{fmt.Sprintf("Accept-Language: %d", i%3)} })
		require.Equal(t, 2*tenth, took)
		require.Equal(t, map[string]int{"0": 10, "1": 10, "2": 10}, bodies)
		require.LessOrEqual(t, b.count(), 21)
	})
}

// The first one's failure frees the others; its slow client holds them up for so long and no longer.
func TestTheFirstOneFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first func(http.ResponseWriter, *http.Request)
		took  time.Duration
	}{
		"cut off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 2 * tenth},
		"too large": {func(w http.ResponseWriter, r *http.Request) {
			says("max-age=60", "hello, you")(w, r)
			time.Sleep(time.Hour)
		}, time.Hour + tenth},
		"slow": {func(w http.ResponseWriter, r *http.Request) { says("max-age=60", "hello")(w, r); time.Sleep(time.Hour) }, time.Hour + tenth},
		"not fresh, slow": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"a"`)
			says("max-age=0", "hello")(w, r)
			time.Sleep(time.Hour)
		}, time.Hour + tenth},
		"in trouble": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, 2 * tenth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var first sync.Once
				b := &backend{answer: after(tenth, func(w http.ResponseWriter, r *http.Request) {
					is := false
					first.Do(func() { is = true })
					if is {
						c.first(w, r)
						return
					}
					says("max-age=60", "hello")(w, r)
				})}
				h := &cache.Cache{Next: b, Object: 7, Rest: 3 * tenth}
				var others time.Duration
				took, bodies := crowd(20, timed{h, &others}, nil)
				require.Equal(t, c.took, took)
				require.GreaterOrEqual(t, bodies["hello"], 19)
				want := 2 * tenth
				if name == "slow" {
					want = 5 * tenth // the head, the rest, and an answer of their own
				}
				require.Equal(t, want, others)
				if name == "in trouble" {
					get(h, "/", "PUT")
					b.mu.Lock()
					b.asked = nil
					b.mu.Unlock()
					_, _ = crowd(20, h, nil)
					require.Equal(t, 1, b.count(), "trouble tells nothing of later answers")
				}
			})
		})
	}
}

// timed notes how long the second slowest took.
type timed struct {
	http.Handler
	second *time.Duration
}

var timing sync.Mutex

func (d timed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	defer func() {
		timing.Lock()
		defer timing.Unlock()
		if took := time.Since(began); took < time.Hour {
			*d.second = max(*d.second, took)
		}
	}()
	d.Handler.ServeHTTP(w, r)
}

// Once an answer is confirmed, nobody waits for the client that asked first.
func TestSlowClientOfAConfirmedAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		b.set("hello", "Cache-Control: max-age=60", `ETag: "a"`)
		h := &cache.Cache{Next: b}
		get(h, "/")
		time.Sleep(time.Minute)
		b.answer = after(tenth, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
		slow := &limited{ResponseRecorder: httptest.NewRecorder(), each: time.Hour}
		var first sync.WaitGroup
		first.Go(func() { h.ServeHTTP(slow, httptest.NewRequest("GET", "/", nil)) })
		synctest.Wait()
		began := time.Now()
		require.Equal(t, "hit", how(get(h, "/")))
		require.Equal(t, tenth, time.Since(began))
		first.Wait()
	})
}

func TestWhoGoesAwayDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		b.answer = func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(time.Hour):
			}
			says("max-age=60", "hello")(w, r)
		}
		h := &cache.Cache{Next: b, Wait: time.Hour}
		go get(h, "/")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
		require.Equal(t, time.Second, time.Since(began))
		time.Sleep(time.Hour)
	})
}

// What was refused for want of room, or not waited for, tells nothing of what the resource is: a crowd is one request
// again as soon as there is room, and an answer that may hold is still asked about.
func TestARefusalTellsNothingOfLaterAnswers(t *testing.T) {
	t.Parallel()
	for _, status := range []int{408, 429, 499, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				room := func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("ETag", `"1"`)
					if r.Header.Get("If-None-Match") != "" {
						w.WriteHeader(http.StatusNotModified)
						return
					}
					says("max-age=60", "hello")(w, r)
				}
				none := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
				b := &backend{answer: none}
				h := &cache.Cache{Next: b}
				require.Equal(t, status, get(h, "/").Code)
				b.answer = after(tenth, room)
				_, bodies := crowd(20, h, nil)
				require.Equal(t, map[string]int{"hello": 20}, bodies)
				require.Equal(t, 2, b.count(), "the crowd has asked once")

				time.Sleep(time.Minute) // it is stale
				b.answer = none
				require.Equal(t, status, get(h, "/").Code)
				b.answer = after(tenth, room)
				_, bodies = crowd(20, h, nil)
				require.Equal(t, map[string]int{"hello": 20}, bodies)
				require.Equal(t, 4, b.count())
				require.EqualValues(t, 1, h.Revalidated.Load(), "it was still there")
			})
		})
	}
}
