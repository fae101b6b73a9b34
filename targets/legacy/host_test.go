package legacy_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
)

func lowSwapRestarts(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	l.Start(t, change)
	l.AwaitReady(t)
	l.Swap(t, 1000, 10)
	return await(t, func() bool { return l.Calls("restart") != nil }, later(t, time.Second))
}

func goesOnWithoutMeminfo(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	require.NoError(t, os.Remove(filepath.Join(l.Proc, "meminfo")))
	l.Start(t, change, "MEMORY_READ_LIMIT=50ms")
	right := await(t, func() bool { return l.Consumer.Board.Ready() }, later(t, 2*time.Second))
	return right && l.Calls("restart") == nil
}

func goesOnWithoutRoom(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool {
	state := t.TempDir()
	l.Start(t, change, "STATE_DIR="+state)
	l.AwaitReady(t) // there was no journal to be read
	if err := os.Symlink("/dev/full", filepath.Join(state, "finished.log")); err != nil {
		t.Skip("no symlinks here:", err)
	}
	l.AwaitReported(t, l.Submit(t, 1))
	ids := l.Submit(t, 10)
	// The alert goes out beside the jobs, and may come after the last of them.
	done := func() bool { return l.API.Keys() == len(ids)+1 && len(l.Slack.All()) >= 1 }
	return await(t, done, later(t, 2*time.Second)) && len(l.Slack.All()) == 1
}
