package cache_test

import (
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
)

// site is a backend with many resources, each of which depends on something and says something of it: what is true,
// or less, as backends do. It never says "public" of what is somebody's own without naming it in Vary.
type site struct{}

var controls = []string{"", "max-age=60", "max-age=0", "s-maxage=60", "max-age=60, must-revalidate", "private", "private, max-age=60",
	"no-store", "no-cache", "public, max-age=60"}

const pages = 100

// page is what a path is like.
func page(path string) (depends, control, vary string, tag bool) {
	f := fnv.New64a()
	_, _ = io.WriteString(f, path)
	r := rand.New(rand.NewPCG(f.Sum64(), 0))
	depends = []string{"", "Cookie", "Authorization", "Accept-Language"}[r.IntN(4)]
	control, tag = controls[r.IntN(len(controls))], r.IntN(2) == 0
	switch {
	case depends == "Accept-Language":
		vary = depends // nobody can know otherwise
	case depends != "" && strings.Contains(control, "public"):
		vary = depends
	case depends == "Authorization" && (strings.Contains(control, "s-maxage") || strings.Contains(control, "must-revalidate")):
		vary = depends // as these words mean that it may be shared
	case r.IntN(3) == 0:
		vary = depends
	}
	return depends, control, vary, tag
}

func (site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	depends, control, vary, tag := page(r.URL.Path)
	body := "everybody"
	if depends != "" {
		body = depends + " " + r.Header.Get(depends)
	}
	for name, value := range map[string]string{"Cache-Control": control, "Vary": vary} {
		if value != "" {
			w.Header().Set(name, value)
		}
	}
	if tag {
		own := fmt.Sprintf("%q", body)
		w.Header().Set("ETag", own)
		if r.Header.Get("If-None-Match") == own {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	_, _ = io.WriteString(w, body)
}

// visit has many users ask for many pages at once, and counts the answers that were somebody else's, and the hits.
func visit(h http.Handler, users, requests int) (leaks, hits int) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for user := range users {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(user), 1))
			for range requests {
				r := httptest.NewRequest("GET", fmt.Sprintf("/%d", rnd.IntN(pages)), nil)
				for i, name := range []string{"Cookie", "Authorization", "Accept-Language"} {
					if user>>i&1 == 1 { // an eighth of them have all three, an eighth has none
						r.Header.Set(name, fmt.Sprint(name, user))
					}
				}
				if rnd.IntN(10) == 0 {
					r.Header.Set("Cache-Control", []string{"no-cache", "max-age=0", "no-store"}[rnd.IntN(3)])
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				depends, _, _, _ := page(r.URL.Path)
				mu.Lock()
				if depends != "" && w.Body.String() != depends+" "+r.Header.Get(depends) {
					leaks++
				}
				if how(w) == "hit" {
					hits++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return leaks, hits
}

func TestNobodyGetsAnotherUsersAnswer(t *testing.T) {
	t.Parallel()
	leaks, hits := visit(&cache.Cache{Next: site{}}, 100, 100)
	require.Zero(t, leaks)
	require.Greater(t, hits, 500, "it shares nothing at all")
}

// The test above sees each of the rules that Key is made of, when it is left out.
func TestTheLeakIsSeen(t *testing.T) {
	t.Parallel()
	without := func(name string) func([]byte, *http.Request, *cache.Answer) ([]byte, bool) {
		return func(b []byte, r *http.Request, a *cache.Answer) ([]byte, bool) {
			bare := *r
			bare.Header = r.Header.Clone()
			bare.Header.Del(name)
			return cache.Key(b, &bare, a)
		}
	}
	for name, key := range map[string]func([]byte, *http.Request, *cache.Answer) ([]byte, bool){
		"without Cookie":        without("Cookie"),
		"without Authorization": without("Authorization"),
		"without Vary": func(b []byte, r *http.Request, a *cache.Answer) ([]byte, bool) {
			if a != nil {
				a = &cache.Answer{Status: a.Status, Header: a.Header, Control: a.Control}
			}
			return cache.Key(b, r, a)
		},
		"without private": func(b []byte, r *http.Request, a *cache.Answer) ([]byte, bool) {
			if a != nil {
				open := *a
				open.Control.Private, open.Control.NoStore, open.Control.Public = false, false, true
				a = &open
			}
			return cache.Key(b, r, a)
		},
	} {
		leaks, _ := visit(&cache.Cache{Next: site{}, Key: key}, 24, 100)
		require.Positive(t, leaks, name)
	}
}
