package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// Not parallel: it looks at all goroutines.
func TestNothingIsLeftRunning(t *testing.T) {
	_, url := brokertest.Vhost(t)
	before := goleak.IgnoreCurrent()
	for _, end := range []func(*queue.Link){(*queue.Link).Drop, func(l *queue.Link) { require.NoError(t, l.Close(time.Second)) }} {
		l := &queue.Link{URL: url, Name: "test"}
		_, err := l.Channel(t.Context())
		require.NoError(t, err)
		end(l)
		require.False(t, l.Up())
	}
	goleak.VerifyNone(t, before)
}
