package jvm_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
	"github.com/comeback-chaos/xk6-comeback/fakes/jvm"
	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
)

// within is how long a JVM may take on a busy machine.
const within = time.Minute

func TestServerErrors(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, jvm.Server{Heap: 7}.Check(), "heap 7 is out of range")
	var s jvm.Server
	require.ErrorContains(t, s.UnmarshalJSON([]byte(`{"heap":2000}`)), "out of range")
	require.ErrorContains(t, s.UnmarshalJSON([]byte(`{"heep":1}`)), "heep")
	_, _, err := s.Command("", "here")
	require.ErrorContains(t, err, "want host:port")
}

// A full heap leaves the process alive, its port open, and its requests without an answer.
func TestFullHeapIsAliveButDead(t *testing.T) {
	t.Parallel()
	if err := jvm.Missing(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	require.NoError(t, jvm.Build(t.Context(), dir))
	require.NoError(t, jvm.Build(t.Context(), dir), "again")
	held, err := port.Hold("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, held.Close()) })
	path, args, err := jvm.Server{Heap: 16, Version: "2"}.Command(dir, held.Addr())
	require.NoError(t, err)
	p := exec.CommandContext(t.Context(), path, args...)
	stdout, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })

	ask := func(method, path string, limit time.Duration) (*http.Response, error) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, "http://"+held.Addr()+path, nil)
		require.NoError(t, err)
		req.Header.Set(upstream.RequestID, "m7")
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			require.NoError(t, res.Body.Close())
		}
		return res, err
	}
	var res *http.Response
	require.Eventually(t, func() bool { res, err = ask("GET", "/items/7", within); return err == nil }, within, 50*time.Millisecond)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, []string{"jvm", "2", "m7"}, []string{res.Header.Get(upstream.BackendHeader), res.Header.Get(upstream.VersionHeader), res.Header.Get(upstream.RequestID)})
	lines := bufio.NewScanner(stdout)
	var records []upstream.Record
	for len(records) < 2 && lines.Scan() {
		r, ok, err := asgi.Ledger(lines.Text())
		require.NoError(t, err)
		require.True(t, ok, lines.Text())
		records = append(records, r)
	}
	require.Equal(t, "m7", records[1].ID)
	require.Equal(t, "/items/7", records[1].Path)
	require.True(t, records[0].Ended.IsZero())
	require.Equal(t, 200, records[1].Status)

	_, err = ask("POST", jvm.Fill, within)
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := ask("GET", "/healthz", time.Second); return err != nil }, within, 50*time.Millisecond)
	conn, err := net.Dial("tcp", held.Addr())
	require.NoError(t, err, "it listens all the same")
	require.NoError(t, conn.Close())
	require.Nil(t, p.ProcessState, "and has not ended")
}
