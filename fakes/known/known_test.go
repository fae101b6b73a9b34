package known

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the consumer does with a real broker is what the scenario known-recovery measures.

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	for want, o := range map[string]Options{
		"pause: -1s, must not be negative": {Pause: -time.Second},
		"listen for the ready probe":       {Listen: taken.Addr().String()},
		"connect to the broker":            {Listen: "127.0.0.1:0", URL: "amqp://" + closed.Addr().String()},
	} {
		require.ErrorContains(t, Run(t.Context(), o), want)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	c := &consumer{}
	for _, consuming := range []bool{false, true} {
		c.consuming.Store(consuming)
		w := httptest.NewRecorder()
		c.ready(w, nil)
		require.Equal(t, consuming, w.Code == http.StatusOK)
	}
}
