package port

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echoes opens a port whose connections get back what they send.
func echoes(t *testing.T, admit func() bool) *Port {
	t.Helper()
	p, err := Listen("127.0.0.1:0", admit)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := p.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	t.Cleanup(func() {
		p.Reset()
		require.NoError(t, p.Close())
		<-done
	})
	return p
}

// dial connects, and says something to be sure that the port has accepted.
func dial(t *testing.T, p *Port) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, say(c))
	return c
}

func say(c net.Conn) error {
	if _, err := io.WriteString(c, "hello"); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 5))
	return err
}

func TestShutAndOpen(t *testing.T) {
	t.Parallel()
	p := echoes(t, nil)
	addr := p.Addr().String()
	for range 3 {
		c := dial(t, p)
		n, err := p.Shut()
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.ErrorIs(t, say(c), syscall.ECONNRESET)
		_, err = net.Dial("tcp", addr)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		n, err = p.Shut()
		require.NoError(t, err)
		require.Zero(t, n)
		require.NoError(t, p.Open())
		require.NoError(t, p.Open())
		require.Equal(t, addr, p.Addr().String())
		c = dial(t, p)
		require.NoError(t, c.(*net.TCPConn).CloseWrite())
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF) // the port has closed it, too: it is not counted by the next Shut
		require.NoError(t, c.Close())
	}
}

func TestCloseWhileShut(t *testing.T) {
	t.Parallel()
	p := echoes(t, nil)
	_, err := p.Shut()
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, p.Open(), "nothing opens a closed port")
	_, err = net.Dial("tcp", p.Addr().String())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	var turn atomic.Int64
	p := echoes(t, func() bool { return turn.Add(1) != 2 })
	dial(t, p)
	c, err := net.Dial("tcp", p.Addr().String())
	if err == nil {
		err = say(c)
		c.Close()
	}
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "%v", err)
	dial(t, p)
}

// While a port is shut, the kernel gives it to nobody who does not ask for it by number.
func TestPortStaysOurs(t *testing.T) {
	t.Parallel()
	p := echoes(t, nil)
	_, err := p.Shut()
	require.NoError(t, err)
	require.ErrorIs(t, bind(t, p), unix.EADDRINUSE)
	require.NoError(t, p.Open())
	dial(t, p)
	p.Reset()
	require.NoError(t, p.Close())
	require.NoError(t, bind(t, p))
}

// One connection is let in, the kernel keeps a few more; of the rest nobody hears. Each that ends lets
// the next one in, also when the port was shut in between.
func TestLimit(t *testing.T) {
	t.Parallel()
	p, err := Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	defer p.Close()
	require.Error(t, p.Limit(0, 1))
	require.NoError(t, p.Limit(1, 1))
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := p.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	connect := func(limit time.Duration) error {
		d := net.Dialer{Timeout: limit}
		c, err := d.Dial("tcp", p.Addr().String())
		if err == nil {
			t.Cleanup(func() { c.Close() })
		}
		return err
	}
	for range 2 {
		require.NoError(t, connect(10*time.Second))
		first := <-accepted
		require.NoError(t, connect(10*time.Second))
		require.NoError(t, connect(10*time.Second))
		var late net.Error
		require.ErrorAs(t, connect(50*time.Millisecond), &late)
		require.True(t, late.Timeout())
		require.NoError(t, first.Close())
		require.ErrorIs(t, first.Close(), net.ErrClosed, "lets one in, not two")
		second := <-accepted
		select {
		case <-accepted:
			t.Fatal("two at a time")
		default:
		}
		_, err := p.Shut()
		require.NoError(t, err)
		require.NoError(t, p.Open())
		require.ErrorIs(t, second.Close(), net.ErrClosed)
	}
	require.NoError(t, p.Close())
	<-accepted
}

// bind takes the port's address the way the kernel looks for a free one: without sharing.
func bind(t *testing.T, p *Port) error {
	t.Helper()
	addr, ok := p.Addr().(*net.TCPAddr)
	require.True(t, ok)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte(addr.IP.To4()), Port: addr.Port})
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := echoes(t, nil)
	_, err := Listen(p.Addr().String(), nil)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	_, err = Listen("0.0.0.0:0", nil)
	require.ErrorContains(t, err, "no loopback")
	_, err = Listen("nonsense", nil)
	require.ErrorContains(t, err, "nonsense")
}

func TestCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw  string
		want error
	}{
		"before the answer": {"", syscall.ECONNRESET},
		"in the middle":     {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if err := Cut(w, []byte(c.raw)); err != nil {
					t.Error(err)
				}
			}))
			defer s.Close()
			res, err := s.Client().Post(s.URL, "text/plain", nil)
			if err == nil {
				defer res.Body.Close()
				_, err = io.ReadAll(res.Body)
			}
			require.ErrorIs(t, err, c.want)
		})
	}
	require.ErrorContains(t, Cut(httptest.NewRecorder(), nil), "cut")
}
