// Package consumertest gives tests a consumer with everything around it: a real broker, and fakes of the
// AI process, the API server, the alert webhook, the host's memory and the hooks. Lab is its central
// type. The consumer runs in the test's own process, so that a test may replace its parts.
package consumertest

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/settings"
)

// Within bounds every wait of a test.
const Within = 20 * time.Second

// Lab is a consumer with everything around it.
type Lab struct {
	Node     *brokertest.Node
	URL      string // of a vhost of its own
	AI       *AI
	API      *API
	Slack    *Slack
	Proc     string // directory of the memory fixture
	Hooks    string // directory of the hooks and of what they write
	Conn     *amqp.Connection
	Consumer *consumer.Consumer
	Done     chan struct{} // closed when the consumer has stopped
	Stop     context.CancelFunc

	sent int
}

// New makes a lab; Start starts its consumer.
func New(t testing.TB) *Lab {
	t.Helper()
	node, url := brokertest.Vhost(t)
	return On(t, node, url)
}

// On makes a lab with that broker.
func On(t testing.TB, node *brokertest.Node, url string) *Lab {
	t.Helper()
	l := &Lab{Node: node, URL: url, Proc: t.TempDir(), Hooks: t.TempDir(), AI: newAI(t), API: newAPI(t), Slack: newSlack(t)}
	l.Swap(t, 1000, 900)
	l.Hook(t, "restart", "exit 1")
	l.Hook(t, "terminate", "exit 0")
	l.Connect(t)
	return l
}

// Connect gives the lab itself a fresh connection to the broker.
func (l *Lab) Connect(t testing.TB) {
	t.Helper()
	conn, err := amqp.Dial(l.URL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	l.Conn = conn
}

// Settings are quick ones for the lab; overrides are NAME=value.
func (l *Lab) Settings(t testing.TB, overrides ...string) settings.Settings {
	t.Helper()
	env := map[string]string{
		"AMQP_URL": l.URL, "AI_URL": l.AI.URL(), "API_URL": l.API.URL, "ALERT_URL": l.Slack.URL, "HOST_PROC": l.Proc,
		"RESTART_COMMAND": filepath.Join(l.Hooks, "restart"), "TERMINATE_COMMAND": filepath.Join(l.Hooks, "terminate"),
		"INSTANCE_ID": "i-1", "AWS_REGION": "eu-west-1", "RETRY_DELAY": "50ms", "MEMORY_CHECK_INTERVAL": "20ms",
		"AI_CHECK_INTERVAL": "20ms", "AI_DOWN_AFTER": "60ms", "AI_READY_LIMIT": "500ms", "WARMUP_BACKOFF": "20ms",
		"RESTART_BACKOFF": "10ms", "RESTART_TIMEOUT": "5s", "TERMINATE_BACKOFF": "20ms", "RECONNECT_MIN": "10ms", "RECONNECT_MAX": "100ms",
		"STALL_AFTER": "1s", "DRAIN_TIMEOUT": "5s", "API_RETRY_LIMIT": "200ms", "NOTICE_CHECK_INTERVAL": "0s",
	}
	for _, o := range overrides {
		name, value, _ := strings.Cut(o, "=")
		env[name] = value
	}
	s, err := settings.Parse(nil, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, io.Discard)
	require.NoError(t, err)
	return s
}

// Start runs a consumer until the test ends or Stop is called. Change, which may be nil, replaces parts.
func (l *Lab) Start(t testing.TB, change func(*consumer.Consumer), overrides ...string) {
	t.Helper()
	l.Consumer = consumer.New(l.Settings(t, overrides...), log(t))
	if change != nil {
		change(l.Consumer)
	}
	ctx, stop := context.WithCancel(context.Background())
	done, run := make(chan struct{}), l.Consumer.Run
	l.Stop, l.Done = stop, done
	go func() {
		defer close(done)
		run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		select {
		case <-done:
		case <-time.After(Within):
			t.Error("the consumer does not stop")
		}
	})
}

func log(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return nil
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// AwaitState waits until the consumer is in the state.
func (l *Lab) AwaitState(t testing.TB, s ops.State) {
	t.Helper()
	require.Eventually(t, func() bool { return l.Consumer.Board.State() == s }, Within, 5*time.Millisecond, "want state %s", s)
}

// AwaitReady waits until the consumer is ready.
func (l *Lab) AwaitReady(t testing.TB) {
	t.Helper()
	require.Eventually(t, l.Consumer.Board.Ready, Within, 5*time.Millisecond, "not ready")
}

// AwaitReported waits until each of these jobs has been reported.
func (l *Lab) AwaitReported(t testing.TB, ids []string) {
	t.Helper()
	require.Eventually(t, func() bool { return l.API.missing(ids) == 0 }, Within, 5*time.Millisecond, "jobs without a report")
}
