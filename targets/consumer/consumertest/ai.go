package consumertest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// AI is an AI process that can go down and come back at the same address.
type AI struct {
	mu     sync.Mutex
	addr   string
	server *http.Server
	answer func(http.ResponseWriter, string) bool
	asked  map[string]int
}

func newAI(t testing.TB) *AI {
	f := &AI{addr: "127.0.0.1:0", asked: make(map[string]int)}
	f.Up(t)
	t.Cleanup(f.Down)
	return f
}

// URL is its address.
func (f *AI) URL() string { return "http://" + f.addr }

// Up starts it, again.
func (f *AI) Up(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", f.addr)
	require.NoError(t, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addr, f.server = l.Addr().String(), &http.Server{Handler: f}
	go func(s *http.Server) { _ = s.Serve(l) }(f.server)
}

// Down ends it, with every request under way.
func (f *AI) Down() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.server.Close()
}

// Answers sets who answers requests, by message id; the image comes when that gives false.
func (f *AI) Answers(with func(w http.ResponseWriter, id string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = with
}

// Hold keeps the jobs of these ids, or with none every job but the warm-up, until release is called, or the test
// ends.
func (f *AI) Hold(t testing.TB, ids ...string) (release func()) {
	held := make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	f.Answers(func(_ http.ResponseWriter, id string) bool {
		if slices.Contains(ids, id) || len(ids) == 0 && id != "warm-up" {
			<-held
		}
		return false
	})
	return release
}

// Times is how often it was asked for a job.
func (f *AI) Times(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[id]
}

// ServeHTTP serves its API.
func (f *AI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/internal/ping" {
		return
	}
	id := r.Header.Get("X-Request-Id")
	_, _ = io.Copy(io.Discard, r.Body) // so that the server notices when the client goes
	f.mu.Lock()
	f.asked[id]++
	answer := f.answer
	f.mu.Unlock()
	if answer != nil && answer(w, id) {
		return
	}
	_, _ = fmt.Fprintf(w, `{"images":["%s"]}`, Picture())
}

// Picture is a small PNG in base64.
var Picture = sync.OnceValue(func() string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
})
