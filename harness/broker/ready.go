package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

const (
	readyLimit = time.Minute // when ctx bounds it less; a start takes 2 s, on a busy machine some more
	readyPause = 10 * time.Millisecond
	lastWords  = 300 * time.Millisecond
	tailLines  = 20
)

var errPortTaken = errors.New("taken by another process")

// Ready waits until the node accepts a connection and opens it, bounded by ctx and by a minute. When
// the node ends instead, it gives the last lines that it printed, at once.
func (l *Local) Ready(ctx context.Context) error {
	p, _, t := l.running()
	if p == nil {
		return ErrStopped
	}
	limited, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	ticker := time.NewTicker(readyPause)
	defer ticker.Stop()
	var last error
	for {
		err := l.answers(limited)
		if err == nil {
			t.ready()
			return nil
		}
		if limited.Err() == nil { // otherwise it only says that the time is over
			last = err
		}
		select {
		case <-p.Done():
			return ended(p, t)
		case <-t.doomed:
			return ended(p, t)
		case <-limited.Done():
			return fmt.Errorf("broker: the node is not ready in time (last: %w); it printed:\n%s", errors.Join(limited.Err(), last), t)
		case <-ticker.C:
		}
	}
}

// answers tells whether this node, and not a stranger on its port, opens a connection.
func (l *Local) answers(ctx context.Context) error {
	conn, err := Dial(ctx, l.URL(""))
	if err != nil {
		return err
	}
	defer conn.Close()
	// The cluster's default name is the node's, with the host's full name.
	name, _ := conn.Properties["cluster_name"].(string)
	if !strings.HasPrefix(name, "comeback-"+l.node.id+"@") {
		return fmt.Errorf("broker: another broker (%q) answers on %s", name, l.Addr())
	}
	return nil
}

func ended(p *child.Process, t *tail) error {
	select { // its last words say why
	case <-p.Drained():
	case <-time.After(lastWords):
	}
	text := t.String()
	err := fmt.Errorf("broker: the node failed before it was ready (%v); it printed:\n%s", p.Exit(), text)
	if t.portTaken() {
		return errors.Join(errPortTaken, err)
	}
	return err
}

// checkPort gives errPortTaken early: the node itself would notice only in the middle of its start. It
// binds and does not listen, so that no client that waits for the node can mistake it for the node.
func checkPort(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("broker: look whether port %d is free: %w", port, err)
	}
	defer unix.Close(fd)
	// As the node does: connections of its past that are still winding down do not count.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("broker: look whether port %d is free: %w", port, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fmt.Errorf("broker: port %d on 127.0.0.1: %w: %w", port, errPortTaken, err)
	}
	return nil
}

// tail keeps the last lines that a node printed.
type tail struct {
	doomed chan struct{} // closed when a line says that the start has failed: the node then takes 6 s more to end

	mu      sync.Mutex
	settled bool // it was ready once, or is doomed
	taken   bool // a line said that a port is taken; the reports that follow push that line out
	lines   []string
}

func newTail() *tail { return &tail{doomed: make(chan struct{})} }

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, line)
	t.taken = t.taken || strings.Contains(line, "eaddrinuse")
	if !t.settled && (strings.Contains(line, "eaddrinuse") || strings.Contains(line, "BOOT FAILED")) {
		t.settled = true
		close(t.doomed)
	}
}

// ready ends the watch for a failed start.
func (t *tail) ready() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settled = true
}

func (t *tail) portTaken() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.taken
}

// String gives the lines, one below the other.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
