package broker

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNodeComesBackWithItsData(t *testing.T) {
	t.Parallel()
	l := newLocal(t, LocalOptions{})
	ctx := limit(t)
	addr := l.Addr()
	conn := dial(t, l.URL(""))
	ch := channel(t, conn)
	durableQueue(t, ch, "kept", nil)
	_, err := ch.QueueDeclare("gone", false, false, false, false, nil)
	require.NoError(t, err)
	require.NoError(t, l.AddVhost(ctx, "run"))
	publish(t, ch, "kept", "m1", "m2", "m3")
	require.ErrorIs(t, l.Start(ctx), ErrRunning)

	ends := []struct {
		name string
		end  func() error
	}{
		{"stop", func() error { return l.Stop(ctx) }},
		{"kill", l.Kill},
		{"kill while paused", func() error { require.NoError(t, l.Pause()); return l.Kill() }},
	}
	for _, tt := range ends {
		before := l.PID()
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", before))
		require.NoError(t, err)
		require.Equal(t, "beam.smp", strings.TrimSpace(string(comm)), "the process is not the broker itself")

		require.NoError(t, tt.end(), tt.name)
		stopped(t, l)
		require.NoError(t, l.Start(ctx), tt.name)
		require.NotEqual(t, before, l.PID())
		require.Equal(t, addr, l.Addr())
		ready, _, err := Depth(ctx, dial(t, l.URL("")), "kept")
		require.NoError(t, err)
		require.Equal(t, 3, ready, tt.name)
		_, _, err = Depth(ctx, dial(t, l.URL("")), "gone")
		require.ErrorContains(t, err, "NOT_FOUND")
		dial(t, l.URL("run"))
	}
	require.NoError(t, l.Close(ctx))
	stopped(t, l)
}

func stopped(t *testing.T, l *Local) {
	t.Helper()
	ctx := limit(t)
	require.Zero(t, l.PID())
	require.ErrorIs(t, l.Pause(), ErrStopped)
	require.ErrorIs(t, l.Resume(), ErrStopped)
	require.ErrorIs(t, l.Ready(ctx), ErrStopped)
	_, err := l.Eval(ctx, "1")
	require.ErrorIs(t, err, ErrStopped)
	require.NoError(t, l.Stop(ctx))
	require.NoError(t, l.Kill())
	_, err = Dial(ctx, l.URL(""))
	require.ErrorContains(t, err, "nothing listens there")
}

func TestPausedNodeTakesConnectionsAndAnswersNothing(t *testing.T) {
	t.Parallel()
	l := newLocal(t, LocalOptions{})
	require.NoError(t, l.Pause())
	for range 2 {
		short, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		_, err := Dial(short, l.URL(""))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "not paused")
		_, err = l.Eval(short, "1+1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, l.Ready(short), context.DeadlineExceeded)
	}
	require.NoError(t, l.Resume())
	require.NoError(t, l.Ready(limit(t)))
	got, err := l.Eval(limit(t), "2+2")
	require.NoError(t, err)
	require.Equal(t, "4", got, "the answers to the questions given up must not be taken for this one's")

	_, err = l.Eval(limit(t), "erlang:halt(0)")
	require.ErrorContains(t, err, "the node has ended")
}

func TestTwoNodesSideBySide(t *testing.T) {
	t.Parallel()
	needRabbit(t)
	epmdBefore := listens("127.0.0.1:4369")
	g := newGroup(t)
	var nodes [2]*Local
	var starts sync.WaitGroup
	var errs [2]error
	for i := range nodes {
		starts.Go(func() { nodes[i], errs[i] = StartLocal(limit(t), g, LocalOptions{}) })
	}
	starts.Wait()
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	require.NotEqual(t, nodes[0].Addr(), nodes[1].Addr())

	durableQueue(t, channel(t, dial(t, nodes[0].URL(""))), "only-here", nil)
	_, _, err := Depth(limit(t), dial(t, nodes[1].URL("")), "only-here")
	require.ErrorContains(t, err, "NOT_FOUND")

	for _, l := range nodes {
		onlyLoopback(t, l)
		// RabbitMQ looks after epmd once a minute: have it do so now, and wait until it has.
		_, err := l.Eval(limit(t), "rabbit_epmd_monitor ! check, sys:get_state(rabbit_epmd_monitor)")
		require.NoError(t, err)
	}
	require.Equal(t, epmdBefore, listens("127.0.0.1:4369"))
	require.Empty(t, programs(t, "epmd", g.Dir()))
	require.Len(t, programs(t, "beam.smp", g.Dir()), 2, "the look at the processes finds nothing at all")
}

func onlyLoopback(t *testing.T, l *Local) {
	t.Helper()
	got, err := l.Eval(limit(t), `[N || P <- erlang:ports(), {name,"tcp_inet"} == erlang:port_info(P,name), {ok,N} <- [inet:sockname(P)]]`)
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr())
	require.NoError(t, err)
	require.Contains(t, got, "{{127,0,0,1},"+port+"}")
	require.Equal(t, strings.Count(got, "{{"), strings.Count(got, "{{127,0,0,1},"), got)
}

func listens(addr string) bool {
	c, err := net.DialTimeout("tcp4", addr, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// programs gives the pids of a program that carry text in their environment.
func programs(t *testing.T, comm, text string) []string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var found []string
	for _, dir := range dirs {
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if strings.TrimSpace(string(name)) == comm && strings.Contains(string(env), text) {
			found = append(found, filepath.Base(dir))
		}
	}
	return found
}

func TestBusyPortIsTriedElsewhere(t *testing.T) {
	t.Parallel()
	needRabbit(t)
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	calls := 0
	g := newGroup(t)
	l := newLocal(t, LocalOptions{Terms: "{consumer_timeout,3000}", freePort: func() (int, error) {
		if calls++; calls == 1 || calls == 4 { // the AMQP port of the first try, the other port of the second
			return busy.Addr().(*net.TCPAddr).Port, nil
		}
		return g.FreePort()
	}})
	require.Equal(t, 6, calls)
	require.NotEqual(t, busy.Addr().String(), l.Addr())
	got, err := l.Eval(limit(t), "application:get_env(rabbit, consumer_timeout)")
	require.NoError(t, err)
	require.Equal(t, "{ok,3000}", got, "the settings are wanted in every try")

	_, err = StartLocal(limit(t), newGroup(t), LocalOptions{freePort: func() (int, error) { return busy.Addr().(*net.TCPAddr).Port, nil }})
	require.ErrorIs(t, err, errPortTaken)
	require.ErrorContains(t, err, "address already in use")
}

func TestPortTakenDuringTheStart(t *testing.T) {
	t.Parallel()
	l := newLocal(t, LocalOptions{})
	for _, port := range []int{l.node.port, l.node.dist} {
		require.NoError(t, l.Stop(limit(t)))
		var thief net.Listener
		l.launching = func() {
			var err error
			thief, err = net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(port))
			require.NoError(t, err)
		}
		require.NoError(t, l.launch())
		l.launching = nil
		err := l.Ready(limit(t))
		require.ErrorIs(t, err, errPortTaken)
		require.ErrorContains(t, err, "it printed:")

		require.NoError(t, l.Kill())
		require.ErrorIs(t, l.Start(limit(t)), errPortTaken)
		require.NoError(t, thief.Close())
		require.NoError(t, l.Start(limit(t)))
	}
}

func TestNodeThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	needRabbit(t)
	_, err := StartLocal(limit(t), newGroup(t), LocalOptions{Terms: "{this is no Erlang"})
	require.ErrorContains(t, err, "failed before it was ready")
	require.ErrorContains(t, err, "failed_to_read_advanced_configuration_file", "its last lines are wanted")
}

func TestAnotherBrokerOnThePortIsNoAnswer(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	require.NoError(t, l.answers(limit(t)))
	other := &Local{node: node{port: l.node.port, id: "other"}}
	require.ErrorContains(t, other.answers(limit(t)), "another broker")
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	needRabbit(t)
	g := newGroup(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := StartLocal(ctx, g, LocalOptions{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, programs(t, "beam.smp", g.Dir()))
}

func BenchmarkStartToReady(b *testing.B) {
	for b.Loop() {
		l := newLocal(b, LocalOptions{})
		b.StopTimer()
		require.NoError(b, l.Kill())
		b.StartTimer()
	}
}

func BenchmarkRestartToReady(b *testing.B) {
	l := newLocal(b, LocalOptions{})
	for b.Loop() {
		b.StopTimer()
		require.NoError(b, l.Stop(limit(b)))
		b.StartTimer()
		require.NoError(b, l.Start(limit(b)))
	}
}
