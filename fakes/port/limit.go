package port

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Limit lets at most conns connections in at a time; so many more as backlog says wait in the kernel,
// connected as far as their callers can tell, and of those beyond nobody hears. It must be called
// before the first Accept.
func (p *Port) Limit(conns, backlog int) error {
	if conns < 1 || backlog < 1 {
		return fmt.Errorf("%d connections, backlog %d: want at least 1", conns, backlog)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.room, p.backlog = make(chan struct{}, conns), backlog
	if p.ln == nil {
		return nil
	}
	return shorten(p.ln, backlog)
}

func (p *Port) enter() bool {
	if p.room == nil {
		return true
	}
	select {
	case p.room <- struct{}{}:
		return true
	case <-p.done:
		return false
	}
}

func (p *Port) leave() {
	if p.room != nil {
		<-p.room
	}
}

// shorten sets the kernel's backlog of a socket that listens.
func shorten(ln net.Listener, backlog int) error {
	t, ok := ln.(*net.TCPListener)
	if backlog == 0 || !ok {
		return nil
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return err
	}
	var listen error
	err = raw.Control(func(fd uintptr) { listen = os.NewSyscallError("listen", unix.Listen(int(fd), backlog)) })
	return errors.Join(err, listen)
}
