package harness

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The run's end waits until an injection that waited for its moment has noticed.
func TestInjectionsAreCalledOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Lab{}
		ctx, cancel := context.WithCancel(t.Context())
		pending := &injection{callOff: cancel, over: make(chan struct{})}
		l.injecting.Store(int64(1), pending)
		noticed := false
		go func() {
			<-ctx.Done()
			time.Sleep(settle / 2) // the bubble's time: it takes a while
			noticed = true
			close(pending.over)
		}()
		l.callOff(t.Context())
		require.True(t, noticed)
	})
}
