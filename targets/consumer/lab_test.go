package consumer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/settings"
)

func TestMain(m *testing.M) { os.Exit(brokertest.Main(m)) }

const within = 20 * time.Second

// lab is a consumer with everything around it.
type lab struct {
	node  *brokertest.Node
	url   string
	ai    *fakeAI
	api   *fakeAPI
	slack *fakeSlack
	proc  string
	hooks string // directory of the hooks and of what they write
	conn  *amqp.Connection
	sent  int

	consumer *consumer.Consumer
	stop     context.CancelFunc
	done     chan struct{}
}

// newLab makes a lab; start starts its consumer.
func newLab(t testing.TB) *lab {
	t.Helper()
	node, url := brokertest.Vhost(t)
	l := &lab{node: node, url: url, proc: t.TempDir(), hooks: t.TempDir(), ai: newFakeAI(t), api: newFakeAPI(t), slack: newFakeSlack(t)}
	l.swap(t, 1000, 900)
	l.hook(t, "restart", "exit 1")
	l.hook(t, "terminate", "exit 0")
	conn, err := amqp.Dial(url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	l.conn = conn
	return l
}

// start runs a consumer; overrides are NAME=value, change replaces parts.
func (l *lab) start(t testing.TB, change func(*consumer.Consumer), overrides ...string) {
	t.Helper()
	env := map[string]string{
		"AMQP_URL": l.url, "AI_URL": l.ai.url(), "API_URL": l.api.url, "ALERT_URL": l.slack.url, "HOST_PROC": l.proc,
		"RESTART_COMMAND": filepath.Join(l.hooks, "restart"), "TERMINATE_COMMAND": filepath.Join(l.hooks, "terminate"),
		"INSTANCE_ID": "i-1", "AWS_REGION": "eu-west-1", "RETRY_DELAY": "50ms", "MEMORY_CHECK_INTERVAL": "20ms",
		"AI_CHECK_INTERVAL": "20ms", "AI_DOWN_AFTER": "60ms", "AI_READY_LIMIT": "500ms", "WARMUP_BACKOFF": "20ms",
		"RESTART_BACKOFF": "10ms", "RESTART_TIMEOUT": "5s", "TERMINATE_BACKOFF": "20ms", "RECONNECT_MIN": "10ms", "RECONNECT_MAX": "100ms",
		"STALL_AFTER": "1s", "DRAIN_TIMEOUT": "5s", "API_RETRY_LIMIT": "200ms",
	}
	for _, o := range overrides {
		name, value, _ := strings.Cut(o, "=")
		env[name] = value
	}
	s, err := settings.Parse(nil, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, io.Discard)
	require.NoError(t, err)
	l.consumer = consumer.New(s, testLog(t))
	if change != nil {
		change(l.consumer)
	}
	ctx, stop := context.WithCancel(context.Background())
	l.stop, l.done = stop, make(chan struct{})
	go func() {
		defer close(l.done)
		l.consumer.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		select {
		case <-l.done:
		case <-time.After(within):
			t.Error("the consumer does not stop")
		}
	})
}

func testLog(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return nil
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// submit publishes n jobs and gives their ids.
func (l *lab) submit(t testing.TB, n int) []string {
	t.Helper()
	ch, err := l.conn.Channel()
	require.NoError(t, err)
	defer func() { _ = ch.Close() }()
	require.NoError(t, ch.Confirm(false))
	var ids []string
	var last *amqp.DeferredConfirmation
	for range n {
		l.sent++
		id := fmt.Sprintf("m%d", l.sent)
		ids = append(ids, id)
		last, err = ch.PublishWithDeferredConfirm("", "jobs", false, false, amqp.Publishing{MessageId: id, DeliveryMode: amqp.Persistent, Body: []byte(`{"prompt":"` + id + `"}`)})
		require.NoError(t, err)
	}
	require.True(t, last.Wait())
	return ids
}

func (l *lab) awaitState(t testing.TB, s ops.State) {
	t.Helper()
	require.Eventually(t, func() bool { return l.consumer.Board.State() == s }, within, 5*time.Millisecond, "want state %s, is %s", s, l.consumer.Board.State())
}

func (l *lab) awaitReady(t testing.TB) {
	t.Helper()
	require.Eventually(t, l.consumer.Board.Ready, within, 5*time.Millisecond, "state %s", l.consumer.Board.State())
}

// awaitReported waits until each of these jobs has one effect, and checks that none has two.
func (l *lab) awaitReported(t testing.TB, ids []string) {
	t.Helper()
	require.Eventually(t, func() bool { return l.api.missing(ids) == 0 }, within, 5*time.Millisecond, "jobs without a report")
}

// depth is ready messages and consumers of a queue.
func (l *lab) depth(t testing.TB, queue string) (ready, consumers int) {
	t.Helper()
	ch, err := l.conn.Channel()
	require.NoError(t, err)
	defer func() { _ = ch.Close() }()
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	require.NoError(t, err)
	return q.Messages, q.Consumers
}

// held asks the broker how many messages of the jobs queue are delivered and not settled, and how many are ready.
func (l *lab) held(t testing.TB) string {
	t.Helper()
	u, err := amqp.ParseURI(l.url)
	require.NoError(t, err)
	return l.node.Eval(t, fmt.Sprintf(`{ok,Q}=rabbit_amqqueue:lookup(rabbit_misc:r(<<"%s">>,queue,<<"jobs">>)),[V || {_,V} <- rabbit_amqqueue:info(Q,[messages_ready,messages_unacknowledged])]`, u.Vhost))
}

func (l *lab) awaitEmpty(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool { return l.held(t) == "[0,0]" }, within, 10*time.Millisecond, "jobs queue is not empty: %s", l.held(t))
}

// swap writes the memory fixture, in kB.
func (l *lab) swap(t testing.TB, total, free int) {
	t.Helper()
	text := fmt.Sprintf("MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 500 kB\nSwapTotal: %d kB\nSwapFree: %d kB\n", total, free)
	next := filepath.Join(l.proc, "next")
	require.NoError(t, os.WriteFile(next, []byte(text), 0o600))
	require.NoError(t, os.Rename(next, filepath.Join(l.proc, "meminfo")))
}

// hook writes an executable that notes its arguments and then runs the shell script.
func (l *lab) hook(t testing.TB, name, script string) {
	t.Helper()
	next := filepath.Join(l.hooks, name+".next")
	text := fmt.Sprintf("#!/bin/sh\necho \"$*\" >> %s\n%s\n", filepath.Join(l.hooks, name+".calls"), script)
	require.NoError(t, os.WriteFile(next, []byte(text), 0o700))
	require.NoError(t, os.Rename(next, filepath.Join(l.hooks, name)))
}

// calls gives the arguments of each call of a hook.
func (l *lab) calls(name string) []string {
	text, err := os.ReadFile(filepath.Join(l.hooks, name+".calls"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// picture is a small PNG in base64.
var picture = sync.OnceValue(func() string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
})

// fakeAI is an AI process that can be down. Answer decides over each request; nil is an image at once.
type fakeAI struct {
	mu     sync.Mutex
	addr   string
	server *http.Server
	answer func(w http.ResponseWriter, id string) bool // true: answered
	asked  map[string]int
}

func newFakeAI(t testing.TB) *fakeAI {
	f := &fakeAI{addr: "127.0.0.1:0", asked: make(map[string]int)}
	f.up(t)
	t.Cleanup(f.down)
	return f
}

func (f *fakeAI) url() string { return "http://" + f.addr }

func (f *fakeAI) up(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", f.addr)
	require.NoError(t, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addr, f.server = l.Addr().String(), &http.Server{Handler: f}
	go func(s *http.Server) { _ = s.Serve(l) }(f.server)
}

func (f *fakeAI) down() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.server.Close()
}

func (f *fakeAI) answers(with func(w http.ResponseWriter, id string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = with
}

func (f *fakeAI) times(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[id]
}

func (f *fakeAI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	_, _ = fmt.Fprintf(w, `{"images":["%s"]}`, picture())
}

// fakeAPI is an API server with a ledger by idempotency key.
type fakeAPI struct {
	url    string
	mu     sync.Mutex
	effect map[string]int    // requests accepted, by key
	jobs   map[string]string // job by key
	refuse atomic.Int32      // answer this many requests with 503
}

func newFakeAPI(t testing.TB) *fakeAPI {
	f := &fakeAPI{effect: make(map[string]int), jobs: make(map[string]string)}
	f.url = serve(t, f)
	return f
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.refuse.Add(-1) >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	f.effect[key]++
	f.jobs[key] = strings.TrimPrefix(r.URL.Path, "/images/")
}

func (f *fakeAPI) missing(ids []string) int {
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

func (f *fakeAPI) requests(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.effect[id]
}

func (f *fakeAPI) keys() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.effect)
}

// fakeSlack keeps what was posted, as "color title".
type fakeSlack struct {
	url    string
	mu     sync.Mutex
	posted []string
	texts  []string
}

func newFakeSlack(t testing.TB) *fakeSlack {
	f := &fakeSlack{}
	f.url = serve(t, f)
	return f
}

func (f *fakeSlack) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var p struct {
		Attachments []struct{ Color, Title, Text string }
	}
	if json.NewDecoder(r.Body).Decode(&p) != nil || len(p.Attachments) != 1 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posted = append(f.posted, p.Attachments[0].Color+" "+p.Attachments[0].Title)
	f.texts = append(f.texts, p.Attachments[0].Text)
}

func (f *fakeSlack) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.posted...)
}

func (f *fakeSlack) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.texts, "\n")
}

func (f *fakeSlack) await(t testing.TB, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(f.all()) >= len(want) }, within, 5*time.Millisecond, "alerts %v", f.all())
	require.Equal(t, want, f.all())
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
