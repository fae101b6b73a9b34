package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// patience is for what must come; no test passes by its running out.
const patience = time.Minute

// helperEnv makes the test binary a harness of its own: see harness_test.go.
const helperEnv = "BROKER_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		os.Exit(helper())
	}
	code := m.Run()
	shared.close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// shared is one node for all the tests that leave it as it is.
var shared sharedNode

type sharedNode struct {
	once  sync.Once
	group *child.Group
	local *Local
	err   error
}

func (s *sharedNode) get(t testing.TB) *Local {
	t.Helper()
	needRabbit(t)
	s.once.Do(func() {
		if s.group, s.err = child.NewGroup(context.Background(), child.Options{}); s.err == nil {
			s.local, s.err = StartLocal(context.Background(), s.group, LocalOptions{})
		}
	})
	require.NoError(t, s.err)
	return s.local
}

func (s *sharedNode) close() {
	if s.group != nil {
		_ = s.group.Close()
	}
}

func needRabbit(t testing.TB) {
	t.Helper()
	if _, err := findInstall(""); errors.Is(err, ErrNotInstalled) {
		t.Skip(err)
	}
}

func newGroup(t testing.TB) *child.Group {
	t.Helper()
	g, err := child.NewGroup(context.Background(), child.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

// newLocal starts a node that the test may break.
func newLocal(t testing.TB, o LocalOptions) *Local {
	t.Helper()
	needRabbit(t)
	l, err := StartLocal(limit(t), newGroup(t), o)
	require.NoError(t, err)
	return l
}

func limit(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func dial(t testing.TB, url string) *amqp.Connection {
	t.Helper()
	conn, err := Dial(limit(t), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// channel opens a channel in confirm mode.
func channel(t testing.TB, conn *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	return ch
}

// publish sends persistent messages with the given ids and waits for their confirms.
func publish(t testing.TB, ch *amqp.Channel, queue string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		c, err := ch.PublishWithDeferredConfirmWithContext(limit(t), "", queue, true, false,
			amqp.Publishing{MessageId: id, DeliveryMode: amqp.Persistent, Body: []byte("x")})
		require.NoError(t, err)
		ok, err := c.WaitContext(limit(t))
		require.NoError(t, err)
		require.True(t, ok)
	}
}

func durableQueue(t testing.TB, ch *amqp.Channel, name string, args amqp.Table) {
	t.Helper()
	_, err := ch.QueueDeclare(name, true, false, false, false, args)
	require.NoError(t, err)
}

var vhosts atomic.Int64 // made by newVhost

// newVhost is one of the shared broker that no other test, nor this one when it runs again, has used.
func newVhost(t testing.TB, l *Local) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", vhosts.Add(1))
	require.NoError(t, l.AddVhost(limit(t), name))
	return name
}
