package child_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// patience is for what must come; no test passes by its running out.
const patience = 30 * time.Second

func newGroup(t *testing.T, o child.Options) *child.Group {
	t.Helper()
	o.Dir = t.TempDir()
	g, err := child.NewGroup(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, g.Close())
		left, err := os.ReadDir(o.Dir)
		require.NoError(t, err)
		require.Empty(t, left)
	})
	return g
}

func shell(script string) child.Spec {
	return child.Spec{Name: "sh", Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=/usr/bin:/bin"}}
}

func start(t *testing.T, g *child.Group, s child.Spec) *child.Process {
	t.Helper()
	p, err := g.Start(s)
	require.NoError(t, err)
	return p
}

func await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		require.FailNow(t, "it never came")
	}
}

// lines collects what OnLine is told.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(name, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, name+": "+line)
}

func (l *lines) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.all...)
}

// has waits for a line: the way a script in these tests says how far it is.
func (l *lines) has(t *testing.T, want string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, got := range l.list() {
			if got == want {
				return true
			}
		}
		return false
	}, patience, 2*time.Millisecond, "line %q never came", want)
}
