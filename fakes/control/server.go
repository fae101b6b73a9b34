package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// helloLimit bounds the wait for a peer's hello.
const helloLimit = 5 * time.Second

// maxPath is the longest socket path that the kernel takes.
const maxPath = 107

// Handler serves one fake's process on the lab's side. It returns when Receive fails (nil for
// io.EOF) or the context is done; the connection is closed behind it. Its error is told to the peer.
type Handler interface {
	Serve(ctx context.Context, c *Conn) error
}

// Mux hands a connection to the handler of its role.
type Mux map[string]Handler

// Serve implements Handler.
func (m Mux) Serve(ctx context.Context, c *Conn) error {
	h, ok := m[c.Peer().Role]
	if !ok {
		return fmt.Errorf("no fake with role %q belongs to this lab", c.Peer().Role)
	}
	return h.Serve(ctx, c)
}

// Server is the lab's side of the socket.
type Server struct {
	log    *slog.Logger
	path   string
	ln     net.Listener
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Listen opens the socket at path, for this user alone: a missing directory is made with mode 0700,
// one that others can enter is refused. log takes the errors of single connections; nil: discarded.
func Listen(path string, h Handler, log *slog.Logger) (*Server, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if len(path) > maxPath {
		return nil, fmt.Errorf("control socket %s: path of %d bytes, the kernel takes %d: use a shorter directory", path, len(path), maxPath)
	}
	if err := privateDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), ln.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{log: log, path: path, ln: ln, cancel: cancel}
	s.wg.Go(func() { s.accept(ctx, h) })
	return s, nil
}

// Path is the socket's.
func (s *Server) Path() string { return s.path }

// Close removes the socket, breaks every connection (so that the fakes' processes end) and returns
// when all handlers have.
func (s *Server) Close() error {
	s.cancel()
	err := s.ln.Close()
	s.wg.Wait()
	return err
}

func (s *Server) accept(ctx context.Context, h Handler) {
	for {
		raw, err := s.ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			s.log.Error("control socket stopped accepting", "path", s.path, "error", err)
			if script.Wait(ctx, 10*time.Millisecond) != nil { // out of descriptors: others may close some
				return
			}
			continue
		}
		s.wg.Go(func() { s.serve(ctx, raw, h) })
	}
}

func (s *Server) serve(ctx context.Context, raw net.Conn, h Handler) {
	c := newConn(raw)
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := s.welcome(c); err != nil {
		s.log.Warn("control connection refused", "error", err)
		s.tell(c, greeting{Protocol: protocol, Version: Version, Error: err.Error()})
		return
	}
	err := h.Serve(ctx, c)
	if err == nil || errors.Is(err, io.EOF) || ctx.Err() != nil {
		return
	}
	s.log.Warn("control connection ended", "role", c.peer.Role, "name", c.peer.Name, "pid", c.peer.Pid, "error", err)
	if err := c.Send("error", err.Error()); err != nil {
		s.log.Debug("control peer was not told", "error", err)
	}
}

func (s *Server) tell(c *Conn, g greeting) {
	if err := c.writeLine(g); err != nil {
		s.log.Debug("control peer was not told", "error", err)
	}
}

// welcome reads the peer's hello and answers it.
func (s *Server) welcome(c *Conn) error {
	if err := c.raw.SetReadDeadline(time.Now().Add(helloLimit)); err != nil {
		return err
	}
	line, err := c.readLine()
	if err != nil {
		return fmt.Errorf("wait for hello: %w", err)
	}
	var g greeting
	if err := script.Decode(line, &g); err != nil {
		return fmt.Errorf("malformed hello %s: %w", excerpt(line), err)
	}
	if g.Protocol != protocol || g.Version != Version {
		return fmt.Errorf("hello speaks %q version %d, this lab speaks %q version %d: use one build for both", g.Protocol, g.Version, protocol, Version)
	}
	c.peer = g.Hello
	if pid := peerPid(c.raw); pid > 0 {
		c.peer.Pid = pid
	}
	if err := c.writeLine(greeting{Protocol: protocol, Version: Version}); err != nil {
		return err
	}
	return c.raw.SetReadDeadline(time.Time{})
}

func privateDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("directory %s has mode %04o, others could drive the fakes: make it 0700", dir, info.Mode().Perm())
	}
	return nil
}
