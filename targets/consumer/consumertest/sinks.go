package consumertest

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// API is an API server with a ledger by idempotency key.
type API struct {
	URL    string
	Refuse atomic.Int32 // so many requests more are answered with 503

	mu     sync.Mutex
	effect map[string]int // requests accepted, by key
	answer func(http.ResponseWriter, *http.Request) bool
}

// Answers sets who answers reports; one is accepted when that gives false.
func (f *API) Answers(with func(http.ResponseWriter, *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = with
}

// Accept enters a report into the ledger, whatever it is answered.
func (f *API) Accept(r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.effect[r.Header.Get("Idempotency-Key")]++
}

func newAPI(t testing.TB) *API {
	f := &API{effect: make(map[string]int)}
	f.URL = serve(t, f)
	return f
}

// ServeHTTP serves its API.
func (f *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.Refuse.Load() > 0 && f.Refuse.Add(-1) >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	f.mu.Lock()
	answer := f.answer
	f.mu.Unlock()
	if answer == nil || !answer(w, r) {
		f.Accept(r)
	}
}

func (f *API) missing(ids []string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, id := range ids {
		if f.effect[id] == 0 {
			n++
		}
	}
	return n
}

// Requests is how often a job was reported and accepted.
func (f *API) Requests(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.effect[key]
}

// Keys is the number of different keys: of effects.
func (f *API) Keys() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.effect)
}

// Slack keeps what was posted to its webhook.
type Slack struct {
	URL    string
	Refuse atomic.Int32 // so many posts more are answered with 429

	mu     sync.Mutex
	posted []string
	texts  []string
}

func newSlack(t testing.TB) *Slack {
	f := &Slack{}
	f.URL = serve(t, f)
	return f
}

// ServeHTTP takes a post.
func (f *Slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.Refuse.Load() > 0 && f.Refuse.Add(-1) >= 0 {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	var p struct {
		Attachments []struct{ Color, Title, Text string }
	}
	if json.NewDecoder(r.Body).Decode(&p) != nil || len(p.Attachments) != 1 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posted = append(f.posted, p.Attachments[0].Color+" "+p.Attachments[0].Title)
	f.texts = append(f.texts, p.Attachments[0].Text)
}

// All gives every post, as "color title".
func (f *Slack) All() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.posted...)
}

// Text gives the texts of all posts.
func (f *Slack) Text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.texts, "\n")
}

// Await waits for as many posts as wanted, which must then be these.
func (f *Slack) Await(t testing.TB, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(f.All()) >= len(want) }, Within, 5*time.Millisecond, "want %v", want)
	require.Equal(t, want, f.All())
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}
