package wire

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// settle waits, for a bounded time, until the receiver's kernel has everything that was written to
// c: a reset throws away what is still on our side.
func settle(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(settleLimit); time.Now().Before(end); <-tick.C {
		left := 0
		err := raw.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		if err != nil || left == 0 {
			return
		}
	}
}
