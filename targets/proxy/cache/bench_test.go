package cache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
)

// blank is a client that takes everything.
type blank struct{ h http.Header }

func (b *blank) Header() http.Header         { return b.h }
func (b *blank) WriteHeader(int)             {}
func (b *blank) Write(p []byte) (int, error) { return len(p), nil }

func page10KB(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("ETag", `"33a64df551425fcc55e4d42a148795d9f25f89d4"`)
	h.Set("Vary", "Accept-Encoding")
	_, _ = w.Write(body10KB)
}

var body10KB = []byte(strings.Repeat("x", 10<<10))

func BenchmarkHit(b *testing.B) {
	for name, headers := range map[string][]string{"whole": nil, "304": {`If-None-Match: "33a64df551425fcc55e4d42a148795d9f25f89d4"`}} {
		b.Run(name, func(b *testing.B) {
			h := &cache.Cache{Next: http.HandlerFunc(page10KB)}
			r := httptest.NewRequest("GET", "/some/page?x=1", nil)
			r.Header.Set("Accept-Encoding", "gzip, br")
			for _, line := range headers {
				key, value, _ := strings.Cut(line, ": ")
				r.Header.Set(key, value)
			}
			get(h, "/some/page?x=1", "Accept-Encoding: gzip, br")
			w := &blank{make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
			if h.Hits.Load() < int64(b.N) {
				b.Fatal("misses")
			}
		})
	}
}

// BenchmarkMiss is what storing costs: each request is for another resource, and pushes one out.
func BenchmarkMiss(b *testing.B) {
	h := &cache.Cache{Next: http.HandlerFunc(page10KB), Bytes: 10 << 20}
	r := httptest.NewRequest("GET", "/", nil)
	w := &blank{make(http.Header)}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		r.RequestURI = fmt.Sprintf("/%d", n)
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

// BenchmarkPass is what the cache costs where it is of no use: a request with a cookie for what is private.
func BenchmarkPass(b *testing.B) {
	private := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "private")
		_, _ = w.Write(body10KB)
	})
	for name, h := range map[string]http.Handler{"bare": private, "cache": &cache.Cache{Next: private}} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Cookie", "a=b")
			w := &blank{make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkParallelHits(b *testing.B) {
	h := &cache.Cache{Next: http.HandlerFunc(page10KB)}
	get(h, "/", "Accept-Encoding: gzip")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := &blank{make(http.Header)}
		for pb.Next() {
			clear(w.h)
			h.ServeHTTP(w, r)
		}
	})
}
