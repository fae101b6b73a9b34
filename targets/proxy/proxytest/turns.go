// Package proxytest is what tests of several packages share: a look for goroutines that are left (Main), and a comparison
// of proxies, which take turns at answering the same users (Turns).
package proxytest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buffers is a pool for httputil.ReverseProxy, which has none by itself.
type buffers struct{ sync.Pool }

func (b *buffers) Get() []byte  { return *b.Pool.Get().(*[]byte) }
func (b *buffers) Put(p []byte) { b.Pool.Put(&p) }

// Transport is a http.Transport that keeps as many connections as it is used for, and reads as much at once as the proxy.
func Transport() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true, ReadBufferSize: 16 << 10}
}

// Bare is a httputil.ReverseProxy with a pool of buffers, which adds the fields that the proxy adds.
func Bare(host string, transport http.RoundTripper, via, servedBy, version string) http.Handler {
	to := &url.URL{Scheme: "http", Host: host}
	return &httputil.ReverseProxy{
		Transport: transport,
		BufferPool: &buffers{sync.Pool{New: func() any {
			p := make([]byte, 32<<10)
			return &p
		}}},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			r.Out.Header["Via"] = []string{via}
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header["Via"], r.Header["X-Served-By"], r.Header["X-Served-Version"] = []string{via}, []string{servedBy}, []string{version}
			return nil
		},
	}
}

// requests is how many each side gets in a turn.
const requests = 1000

// Side is one of those that are compared: Name is for what is reported, Addr is where it listens. Process is what its
// processor time is measured of; 0: this process, with all that is in it.
type Side struct {
	Name, Addr string
	Process    int

	// What was measured in each of its turns.
	perSecond, cpu []float64
	half, nearly   []float64 // p50 and p99, µs
}

// Serve gives a side that is a handler.
func Serve(b *testing.B, name string, h http.Handler) *Side {
	front := httptest.NewServer(h)
	b.Cleanup(front.Close)
	return &Side{Name: name, Addr: front.Listener.Addr().String()}
}

// Load is so many users at once, each with a connection that it keeps. With a Rate they send so many requests a second
// between them, whatever the side makes of it, and a request's time runs from when it was due; without one (0), each
// sends its next request when it has the answer to the one before.
type Load struct {
	Users int
	Rate  float64
}

// Turns measures sides in turns of a thousand requests, so that a machine that others use,
// too, slows all of them down. What is reported are the medians over the turns: requests a second, processor time for
// one, p50 and p99.
func Turns(b *testing.B, load Load, sides ...*Side) {
	for _, s := range sides {
		s.turn(b, load) // for the connections
		*s = Side{Name: s.Name, Addr: s.Addr, Process: s.Process}
	}
	for b.Loop() {
		for _, s := range sides {
			s.turn(b, load)
		}
		slices.Reverse(sides)
	}
	slices.SortFunc(sides, func(x, y *Side) int { return strings.Compare(x.Name, y.Name) })
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	for _, s := range sides {
		b.ReportMetric(median(s.perSecond), s.Name+"/s")
		b.ReportMetric(median(s.cpu), s.Name+"-cpu-µs")
		b.ReportMetric(median(s.half), s.Name+"-p50-µs")
		b.ReportMetric(median(s.nearly), s.Name+"-p99-µs")
	}
}

// turn sends requests over kept connections, without a client library that would cost more than the proxy. Each connection
// has had an answer before the time begins: what a connection costs at its begin is more than a hundredth of a turn, and
// would be all that p99 shows.
func (s *Side) turn(b *testing.B, load Load) {
	all := make([]*user, load.Users)
	for i := range all {
		all[i] = dial(b, s.Addr)
		defer func() { _ = all[i].conn.Close() }()
	}
	eachAsks(b, all, 1, 0)
	began, before := time.Now(), s.used(b)
	sorted := eachAsks(b, all, requests/load.Users, load.Rate)
	took := time.Since(began)
	slices.Sort(sorted)
	n := float64(len(sorted))
	s.perSecond = append(s.perSecond, n/took.Seconds())
	s.cpu = append(s.cpu, float64((s.used(b)-before).Nanoseconds())/1000/n)
	s.half = append(s.half, float64(sorted[len(sorted)/2].Microseconds()))
	s.nearly = append(s.nearly, float64(sorted[len(sorted)*99/100].Microseconds()))
}

// eachAsks has each user send n requests, at so many a second in all (0: as fast as they are answered), and gives the
// time that each request took.
func eachAsks(b *testing.B, users []*user, n int, rate float64) []time.Duration {
	b.Helper()
	began, pause := time.Now(), time.Duration(0)
	if rate > 0 {
		pause = time.Duration(float64(len(users)) / rate * float64(time.Second))
	}
	took, failed := make([][]time.Duration, len(users)), make([]error, len(users))
	var all sync.WaitGroup
	for i, u := range users {
		all.Go(func() {
			took[i], failed[i] = u.ask(n, began.Add(pause*time.Duration(i)/time.Duration(len(users))), pause)
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		b.Fatal(err)
	}
	return slices.Concat(took...)
}

// used is the processor time of the side so far. Of another process it is the sum over its threads, which the
// kernel counts more finely than the process's own.
func (s *Side) used(b *testing.B) (sum time.Duration) {
	if s.Process == 0 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.Process))
	if err != nil || len(threads) == 0 {
		b.Fatalf("processor time of %s: process %d has no threads: %v", s.Name, s.Process, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			b.Fatal(err)
		}
		on, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(on, 10, 64)
		if err != nil {
			b.Fatalf("%s: %q: %v", thread, text, err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// user has one connection.
type user struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(b *testing.B, addr string) *user {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	return &user{conn, bufio.NewReader(conn)}
}

// ask sends n requests one after the other, the first when it is due and the next ones a pause later each (0: when the
// one before is answered), and gives the time that each took.
func (u *user) ask(n int, due time.Time, pause time.Duration) ([]time.Duration, error) {
	took := make([]time.Duration, 0, n)
	for i := range n {
		began := time.Now()
		if pause > 0 {
			began = due.Add(time.Duration(i) * pause)
			time.Sleep(time.Until(began))
		}
		if _, err := u.conn.Write(request); err != nil {
			return nil, err
		}
		if err := skip(u.in); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// request is what a browser sends, about.
var request = []byte("GET /path?query=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: text/html,application/json\r\n" +
	"Accept-Encoding: gzip\r\nAccept-Language: en\r\nCookie: session=0123456789abcdef\r\n\r\n")

// skip reads an answer that says its length.
func skip(in *bufio.Reader) error {
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case first && string(line) != "HTTP/1.1 200 OK\r\n":
			return fmt.Errorf("answered %q", line)
		case len(line) == 2:
			_, err := in.Discard(length)
			return err
		}
		if name, v, _ := strings.Cut(string(line), ":"); strings.EqualFold(name, "Content-Length") { // haproxy writes it small
			if length, err = strconv.Atoi(strings.TrimSpace(v)); err != nil {
				return err
			}
		}
	}
}
