package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// node is the RabbitMQ that the tests of this package share. It starts when the first one needs it.
var node struct {
	once  sync.Once
	group *child.Group
	local *broker.Local
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if node.group != nil {
		if err := node.group.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// rabbit gives the shared node, running. Tests that use it must not be parallel.
func rabbit(tb testing.TB) *broker.Local {
	tb.Helper()
	node.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if node.group, node.err = child.NewGroup(context.Background(), child.Options{}); node.err == nil {
			node.local, node.err = broker.StartLocal(ctx, node.group, broker.LocalOptions{})
		}
	})
	if errors.Is(node.err, broker.ErrNotInstalled) {
		tb.Skip(node.err)
	}
	require.NoError(tb, node.err)
	return node.local
}

// queue makes an empty durable queue of the test's own and gives its name and a channel.
func queue(tb testing.TB, b *broker.Local) (string, *amqp.Channel) {
	tb.Helper()
	conn, err := amqp.Dial(b.URL("/"))
	require.NoError(tb, err)
	tb.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	require.NoError(tb, err)
	_, err = ch.QueueDelete(tb.Name(), false, false, false)
	require.NoError(tb, err)
	_, err = ch.QueueDeclare(tb.Name(), true, false, false, false, nil)
	require.NoError(tb, err)
	// So that what it holds slows nobody down; a test that kills the broker has lost the channel.
	tb.Cleanup(func() { _, _ = ch.QueueDelete(tb.Name(), false, false, false) })
	return tb.Name(), ch
}

// bounded gives a context that ends a test which hangs.
func bounded(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	tb.Cleanup(cancel)
	return ctx
}

// openOn gives a Publisher that is closed at the test's end.
func openOn(tb testing.TB, o Options) *Publisher {
	tb.Helper()
	p, err := Open(bounded(tb), o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, p.Close(bounded(tb))) })
	return p
}
