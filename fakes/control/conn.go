package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// sendLimit bounds a write to a peer that does not read, such as a stopped process.
const sendLimit = 10 * time.Second

// Message is one line behind the hello.
type Message struct {
	Type string          `json:"type"`
	Body json.RawMessage `json:"body,omitempty"`
}

// Into reads the body into v; an unknown field is an error.
func (m Message) Into(v any) error {
	if err := script.Decode(m.Body, v); err != nil {
		return fmt.Errorf("read control message %q: %w", m.Type, err)
	}
	return nil
}

// Conn is an open connection behind its hello. Send may be called by many goroutines, Receive by one.
type Conn struct {
	peer  Hello
	raw   net.Conn
	lines *bufio.Scanner
	mu    sync.Mutex // one line at a time
}

func newConn(raw net.Conn) *Conn {
	c := &Conn{raw: raw, lines: bufio.NewScanner(raw)}
	c.lines.Buffer(make([]byte, 0, 4096), MaxLine)
	c.lines.Split(wholeLines)
	return c
}

// Peer is the process at the other end; on the fake's side it is empty.
func (c *Conn) Peer() Hello { return c.peer }

// Send writes one message. A peer that takes none of it for 10 s is an error.
func (c *Conn) Send(kind string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("send control message %q: %w", kind, err)
	}
	if err := c.writeLine(Message{Type: kind, Body: data}); err != nil {
		return fmt.Errorf("send control message %q: %w", kind, err)
	}
	return nil
}

// Receive returns the next message, io.EOF once the other side is gone, and a clear error for a
// line that is too long, torn or no message; no further message follows an error.
func (c *Conn) Receive() (Message, error) {
	var m Message
	line, err := c.readLine()
	if err != nil {
		return m, err
	}
	if err := script.Decode(line, &m); err != nil {
		return m, fmt.Errorf("malformed control message %s: %w", excerpt(line), err)
	}
	if m.Type == "" {
		return m, fmt.Errorf("malformed control message %s: it has no type", excerpt(line))
	}
	return m, nil
}

// Close ends the connection; the other side then receives io.EOF.
func (c *Conn) Close() error { return c.raw.Close() }

func (c *Conn) writeLine(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(data) >= MaxLine {
		return fmt.Errorf("line of %d bytes is longer than %d", len(data), MaxLine)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.raw.SetWriteDeadline(time.Now().Add(sendLimit)); err != nil {
		return err
	}
	_, err = c.raw.Write(append(data, '\n'))
	return err
}

func (c *Conn) readLine() ([]byte, error) {
	if c.lines.Scan() {
		return c.lines.Bytes(), nil
	}
	err := c.lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("control line longer than %d bytes", MaxLine)
	case err == nil, errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET):
		return nil, io.EOF
	}
	return nil, fmt.Errorf("read control line: %w", err)
}

// wholeLines splits like bufio.ScanLines, but a last line without its end was torn by the peer's
// death and must not be taken for a message.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}

func excerpt(line []byte) string {
	const most = 80
	if len(line) > most {
		return fmt.Sprintf("%q…", line[:most])
	}
	return fmt.Sprintf("%q", line)
}
