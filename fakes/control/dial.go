package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Dial connects a fake's process to its lab and introduces it; the pid is filled in. The connection
// lives until ctx is done.
func Dial(ctx context.Context, path string, hello Hello) (*Conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("dial the lab: %w (is the lab that wrote this path still running?)", err)
	}
	c := newConn(raw)
	if err := c.introduce(hello); err != nil {
		return nil, errors.Join(fmt.Errorf("greet the lab at %s: %w", path, err), c.Close())
	}
	context.AfterFunc(ctx, func() { c.Close() })
	return c, nil
}

func (c *Conn) introduce(hello Hello) error {
	hello.Pid = os.Getpid()
	if err := c.writeLine(greeting{Protocol: protocol, Version: Version, Hello: hello}); err != nil {
		return err
	}
	if err := c.raw.SetReadDeadline(time.Now().Add(helloLimit)); err != nil {
		return err
	}
	line, err := c.readLine()
	if err != nil {
		return err
	}
	var g greeting
	if err := script.Decode(line, &g); err != nil {
		return fmt.Errorf("malformed answer %s: %w", excerpt(line), err)
	}
	if g.Error != "" {
		return fmt.Errorf("refused: %s", g.Error)
	}
	return c.raw.SetReadDeadline(time.Time{})
}
