package control

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain lets the test binary be the processes that the tests need.
func TestMain(m *testing.M) {
	switch socket := os.Getenv("CONTROL_TEST_SOCKET"); os.Getenv("CONTROL_TEST_PROCESS") {
	case "fake":
		os.Exit(fakeProcess(socket))
	case "lab":
		os.Exit(labProcess(socket))
	}
	goleak.VerifyTestMain(m)
}

// fakeProcess lives as long as its lab: 3 when the lab went away, 1 on any other end.
func fakeProcess(socket string) int {
	c, err := Dial(context.Background(), socket, Hello{Role: "echo", Name: "child"})
	if err != nil {
		return 1
	}
	if _, err := c.Receive(); errors.Is(err, io.EOF) {
		return 3
	}
	return 1
}

// labProcess serves until it is killed.
func labProcess(socket string) int {
	if _, err := Listen(socket, handlerFunc(echo), nil); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("listening")
	select {}
}

type handlerFunc func(context.Context, *Conn) error

func (f handlerFunc) Serve(ctx context.Context, c *Conn) error { return f(ctx, c) }

// echo sends every message back until there are no more.
func echo(_ context.Context, c *Conn) error {
	for {
		m, err := c.Receive()
		if err != nil {
			return err
		}
		if err := c.Send(m.Type, m.Body); err != nil {
			return err
		}
	}
}

func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "control")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "private", "lab.sock")
}

func listen(t *testing.T, h Handler) *Server {
	t.Helper()
	s, err := Listen(socketPath(t), h, nil)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func process(t *testing.T, what, socket string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CONTROL_TEST_PROCESS="+what, "CONTROL_TEST_SOCKET="+socket)
	t.Cleanup(func() {
		if cmd.ProcessState == nil && cmd.Process != nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	hello := make(chan Hello, 1)
	s := listen(t, handlerFunc(func(ctx context.Context, c *Conn) error {
		hello <- c.Peer()
		return echo(ctx, c)
	}))
	c, err := Dial(t.Context(), s.Path(), Hello{Role: "echo", Name: "one"})
	require.NoError(t, err)
	require.Equal(t, Hello{Role: "echo", Name: "one", Pid: os.Getpid()}, <-hello)
	for i := range 100 {
		want := fmt.Sprint(i, strings.Repeat("ü", i*50))
		require.NoError(t, c.Send("text", want))
		m, err := c.Receive()
		require.NoError(t, err)
		var got string
		require.NoError(t, m.Into(&got))
		require.Equal(t, want, got)
	}
	require.NoError(t, c.Close())
	_, err = c.Receive()
	require.ErrorIs(t, err, io.EOF)
}

func TestSendIsSafeForManyGoroutines(t *testing.T) {
	t.Parallel()
	s := listen(t, handlerFunc(echo))
	c, err := Dial(t.Context(), s.Path(), Hello{})
	require.NoError(t, err)
	var wg sync.WaitGroup
	defer wg.Wait()
	for range 10 {
		wg.Go(func() {
			for range 50 {
				if err := c.Send("text", strings.Repeat("x", 300)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 500 {
		_, err := c.Receive()
		require.NoError(t, err)
	}
}

func TestOnlyThisUserMayEnter(t *testing.T) {
	t.Parallel()
	s := listen(t, handlerFunc(echo))
	info, err := os.Stat(s.Path())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	info, err = os.Stat(filepath.Dir(s.Path()))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	open := t.TempDir()
	require.NoError(t, os.Chmod(open, 0o755))
	_, err = Listen(filepath.Join(open, "s"), handlerFunc(echo), nil)
	require.ErrorContains(t, err, "make it 0700")
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := Listen("/tmp/"+strings.Repeat("x", 120), handlerFunc(echo), nil)
	require.ErrorContains(t, err, "shorter directory")
	_, err = Listen("/no/such/dir/s", handlerFunc(echo), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestMuxRefusesUnknownRoles(t *testing.T) {
	t.Parallel()
	s := listen(t, Mux{"echo": handlerFunc(echo)})
	c, err := Dial(t.Context(), s.Path(), Hello{Role: "ehco"})
	require.NoError(t, err)
	m, err := c.Receive()
	require.NoError(t, err)
	require.Equal(t, "error", m.Type)
	require.Contains(t, string(m.Body), "ehco")
	_, err = c.Receive()
	require.ErrorIs(t, err, io.EOF)
}

func TestDialSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := Dial(t.Context(), socketPath(t), Hello{})
	require.ErrorContains(t, err, "still running?")
}

const goodHello = `{"protocol":"comeback-control","version":1,"role":"echo","name":"raw","pid":1}` + "\n"

// A peer that talks nonsense is told so and loses its connection; the others never notice.
func TestNonsenseLosesOnlyItsConnection(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s, err := Listen(socketPath(t), handlerFunc(echo), slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	defer s.Close()
	good, err := Dial(t.Context(), s.Path(), Hello{Role: "echo"})
	require.NoError(t, err)
	for _, c := range []struct{ name, send, want string }{
		{"no JSON", "GET / HTTP/1.1\n", "malformed hello"},
		{"other protocol", `{"protocol":"x","version":1}` + "\n", "use one build for both"},
		{"other version", `{"protocol":"comeback-control","version":2}` + "\n", "version 2"},
		{"unknown field", `{"protocol":"comeback-control","version":1,"admin":true}` + "\n", "admin"},
		{"nothing", "", "wait for hello"},
		{"message is no JSON", goodHello + "nonsense\n", "malformed control message"},
		{"message has no type", goodHello + `{"body":1}` + "\n", "no type"},
		{"message is torn", goodHello + `{"type":"text"}`, "unexpected EOF"},
		{"message is too long", goodHello + strings.Repeat("x", MaxLine+1), "longer than"},
	} {
		raw, err := net.Dial("unix", s.Path())
		require.NoError(t, err, c.name)
		_, err = io.WriteString(raw, c.send)
		require.NoError(t, err, c.name)
		require.NoError(t, raw.(*net.UnixConn).CloseWrite(), c.name)
		answer, err := io.ReadAll(raw)
		if err != nil { // what we sent was not read to its end: the kernel says so after the answer
			require.ErrorContains(t, err, "reset", c.name)
		}
		require.Contains(t, string(answer), c.want, c.name)
		raw.Close()
		require.NoError(t, good.Send("still", "there"), c.name)
		_, err = good.Receive()
		require.NoError(t, err, c.name)
	}
	require.Contains(t, log.String(), "use one build for both")
}

func TestTooLongAMessageIsNotSent(t *testing.T) {
	t.Parallel()
	s := listen(t, handlerFunc(echo))
	c, err := Dial(t.Context(), s.Path(), Hello{})
	require.NoError(t, err)
	require.ErrorContains(t, c.Send("text", strings.Repeat("x", MaxLine)), "longer than")
	require.NoError(t, c.Send("text", "the connection is still good"))
	_, err = c.Receive()
	require.NoError(t, err)
}

func TestClosingTheLabEndsTheProcess(t *testing.T) {
	t.Parallel()
	arrived := make(chan Hello, 1)
	s := listen(t, handlerFunc(func(ctx context.Context, c *Conn) error {
		arrived <- c.Peer()
		return echo(ctx, c)
	}))
	fake := process(t, "fake", s.Path())
	require.NoError(t, fake.Start())
	require.Equal(t, fake.Process.Pid, (<-arrived).Pid, "the kernel's word, not the process's")
	require.NoError(t, s.Close())
	fake.Wait()
	require.Equal(t, 3, fake.ProcessState.ExitCode())
	_, err := os.Stat(s.Path())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestKillingTheLabEndsTheProcess(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	lab := process(t, "lab", path)
	out, err := lab.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, lab.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "listening\n", line)
	c, err := Dial(t.Context(), path, Hello{Role: "echo"})
	require.NoError(t, err)
	require.NoError(t, lab.Process.Kill())
	_, err = c.Receive()
	require.ErrorIs(t, err, io.EOF)
	lab.Wait()
}

func TestConnectionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := listen(t, handlerFunc(echo))
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Dial(ctx, s.Path(), Hello{})
	require.NoError(t, err)
	cancel()
	_, err = c.Receive()
	require.ErrorIs(t, err, io.EOF)
}

// FuzzReceive: any bytes end in messages and then one error, never in a panic or a hang.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(`{"type":"a"}` + "\n" + `{"type":"b","body":[1]}` + "\n"))
	f.Add([]byte(goodHello))
	f.Add([]byte("{\"type\":\"a\"} {}\n"))
	f.Add([]byte(`{"type":"torn"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newConn(reader{Reader: bytes.NewReader(data)})
		for range bytes.Count(data, []byte("\n")) + 1 {
			m, err := c.Receive()
			if err != nil {
				return
			}
			if m.Type == "" {
				t.Fatal("a message without a type")
			}
		}
		t.Fatal("more messages than lines")
	})
}

type reader struct {
	net.Conn
	io.Reader
}

func (r reader) Read(p []byte) (int, error) { return r.Reader.Read(p) }

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
