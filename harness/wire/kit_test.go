package wire

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// patient bounds what a test awaits. It is generous: it only matters when something is broken.
const patient = 20 * time.Second

// node is the one RabbitMQ of this test binary, started when a test first needs it.
var node struct {
	once  sync.Once
	group *child.Group
	local *broker.Local
	err   error
}

func TestMain(m *testing.M) {
	if kind := os.Getenv(proxyKind); kind != "" {
		runProxy(kind) // this process is a proxy of the benchmark
		return
	}
	code := m.Run()
	if node.group != nil {
		_ = node.group.Close()
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// rabbit gives the test binary's RabbitMQ.
func rabbit(t testing.TB) *broker.Local {
	t.Helper()
	if _, err := exec.LookPath("rabbitmq-server"); err != nil {
		t.Skip("rabbitmq-server is not installed")
	}
	node.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		node.group, node.err = child.NewGroup(context.Background(), child.Options{})
		if node.err == nil {
			node.local, node.err = broker.StartLocal(ctx, node.group, broker.LocalOptions{})
		}
	})
	require.NoError(t, node.err)
	return node.local
}

// bench is one test's wire to a broker, with what it has seen.
type bench struct {
	*testing.T
	w      *Wire
	broker *broker.Local
	seen   *log
	queue  string
	rawURL string // of the broker itself
}

// onWire puts a wire in front of the broker, and a queue behind it.
func onWire(t *testing.T) *bench {
	b := rabbit(t)
	seen := newLog()
	w, err := Listen(t.Context(), Config{Role: t.Name(), Upstream: b.Addr(), Tap: seen.tap, Seed: 1, patience: patient})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	x := &bench{T: t, w: w, broker: b, seen: seen, queue: strings.ReplaceAll(t.Name(), "/", "-"), rawURL: b.URL("")}
	conn := x.dialDirect()
	ch, err := conn.Channel()
	require.NoError(t, err)
	_, err = ch.QueueDeclare(x.queue, true, false, false, false, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = ch.QueueDelete(x.queue, false, false, false)
		_ = conn.Close()
	})
	return x
}

func (x *bench) dialDirect() *amqp.Connection {
	conn, err := amqp.Dial(x.rawURL)
	require.NoError(x, err)
	return conn
}

// dial connects a client through the wire.
func (x *bench) dial() *amqp.Connection { return x.dialBeat(10 * time.Second) }

func (x *bench) dialBeat(beat time.Duration) *amqp.Connection {
	conn, err := amqp.DialConfig(strings.Replace(x.rawURL, x.broker.Addr(), x.w.Addr(), 1),
		amqp.Config{Heartbeat: beat, Locale: "en_US"})
	require.NoError(x, err)
	x.Cleanup(func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) })
	return conn
}

func (x *bench) channel(conn *amqp.Connection) *amqp.Channel {
	ch, err := conn.Channel()
	require.NoError(x, err)
	return ch
}

// fill publishes n messages m1, m2, … past the wire, confirmed.
func (x *bench) fill(n int) {
	conn := x.dialDirect()
	defer func() { _ = conn.Close() }()
	ch := x.channel(conn)
	require.NoError(x, ch.Confirm(false))
	for i := 1; i <= n; i++ {
		c, err := ch.PublishWithDeferredConfirm("", x.queue, false, false, message(i))
		require.NoError(x, err)
		require.True(x, c.Wait())
	}
}

func message(i int) amqp.Publishing {
	return amqp.Publishing{MessageId: "m" + strconv.Itoa(i), Body: []byte("body of m" + strconv.Itoa(i)), DeliveryMode: amqp.Persistent}
}

func (x *bench) consume(ch *amqp.Channel, prefetch int) <-chan amqp.Delivery {
	require.NoError(x, ch.Qos(prefetch, 0, false))
	d, err := ch.Consume(x.queue, "tag-"+x.queue, false, false, false, false, nil)
	require.NoError(x, err)
	return d
}

// next waits for a delivery.
func (x *bench) next(d <-chan amqp.Delivery) amqp.Delivery {
	x.Helper()
	select {
	case m, ok := <-d:
		require.True(x, ok, "the deliveries have ended")
		return m
	case <-time.After(patient):
		require.FailNow(x, "no delivery")
		panic("not reached")
	}
}

// depth asks the broker itself: messages ready, delivered and unacked, and consumers.
func (x *bench) depth() (ready, unacked, consumers int) {
	expr := `begin {ok,Q}=rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>,queue,<<"` + x.queue + `">>)),` +
		`I=rabbit_amqqueue:info(Q,[messages_ready,messages_unacknowledged,consumers]),` +
		`{proplists:get_value(messages_ready,I),proplists:get_value(messages_unacknowledged,I),proplists:get_value(consumers,I)} end`
	out, err := x.broker.Eval(x.Context(), expr)
	require.NoError(x, err)
	_, err = fmt.Sscanf(out, "{%d,%d,%d}", &ready, &unacked, &consumers)
	require.NoError(x, err, out)
	return ready, unacked, consumers
}

// awaitDepth waits until the broker counts as wanted.
func (x *bench) awaitDepth(ready, unacked, consumers int) {
	x.Helper()
	require.Eventually(x, func() bool {
		r, u, c := x.depth()
		return r == ready && u == unacked && c == consumers
	}, patient, 10*time.Millisecond, "want ready %d unacked %d consumers %d", ready, unacked, consumers)
}

func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patient):
		require.FailNow(t, "waited in vain: "+what)
		panic("not reached")
	}
}

// log keeps what a tap was told, as text and as copies.
type log struct {
	mu     sync.Mutex
	events []Event
	more   chan struct{}
}

func newLog() *log { return &log{more: make(chan struct{})} }

func (l *log) tap(e *Event) {
	c := *e
	c.Text, c.Name = append([]byte(nil), e.Text...), append([]byte(nil), e.Name...)
	if e.MessageID != nil {
		c.MessageID = append([]byte{}, e.MessageID...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, c)
	close(l.more)
	l.more = make(chan struct{})
}

// await gives the first event that is wanted, also if it came before.
func (l *log) await(t testing.TB, what string, want func(Event) bool) Event {
	t.Helper()
	timeout := time.After(patient)
	for looked := 0; ; {
		l.mu.Lock()
		more, events := l.more, l.events
		l.mu.Unlock()
		for ; looked < len(events); looked++ {
			if want(events[looked]) {
				return events[looked]
			}
		}
		select {
		case <-more:
		case <-timeout:
			require.FailNow(t, "no event on the wire: "+what, l.String())
		}
	}
}

// nth turns a condition into one that is true when it is met for the n-th time.
func nth(n int, want func(Event) bool) func(Event) bool {
	return func(e Event) bool {
		if want(e) {
			n--
			return n == 0
		}
		return false
	}
}

func (l *log) method(t testing.TB, d Direction, m Method) Event {
	t.Helper()
	return l.await(t, m.String()+" "+d.String(), func(e Event) bool { return e.Dir == d && e.Method == m })
}

func (l *log) all() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Event(nil), l.events...)
}

func (l *log) String() string {
	var b strings.Builder
	for _, e := range l.all() {
		b.WriteString(line(e))
		b.WriteByte('\n')
	}
	return b.String()
}

// line tells an event in a line, without what depends on chance (addresses).
func line(e Event) string {
	switch e.Kind {
	case Opened:
		return fmt.Sprintf("%d opened", e.Conn)
	case Closed:
		return fmt.Sprintf("%d closed %s (%s)", e.Conn, e.How, e.Dir)
	case Unparsed:
		return fmt.Sprintf("%d %s unparsed: %s", e.Conn, e.Dir, e.Text)
	}
	s := fmt.Sprintf("%d/%d %s %s", e.Conn, e.Chan, e.Dir, e.Method)
	for _, f := range []struct {
		on   bool
		text string
	}{
		{e.Tag != 0, fmt.Sprintf(" tag=%d", e.Tag)}, {e.Seq != 0, fmt.Sprintf(" seq=%d", e.Seq)},
		{e.Multiple, " multiple"}, {e.Requeue, " requeue"}, {e.Redelivered, " redelivered"}, {e.Mandatory, " mandatory"},
		{e.MessageID != nil, fmt.Sprintf(" id=%q", e.MessageID)}, {len(e.Name) > 0, fmt.Sprintf(" name=%q", e.Name)},
		{len(e.Text) > 0, fmt.Sprintf(" text=%q", e.Text)}, {e.Code != 0, fmt.Sprintf(" code=%d", e.Code)},
		{e.Class != 0, fmt.Sprintf(" by=%s", Method(uint32(e.Class)<<16|uint32(e.Cause)))},
		{e.Synthetic, " synthetic"}, {e.Swallowed, " swallowed"}, {e.Rule != nil, " ruled"},
	} {
		if f.on {
			s += f.text
		}
	}
	return s
}
