//go:build !linux

package wire

import (
	"net"
	"time"
)

// settle gives the receiver's kernel a moment to take what was written to c.
func settle(*net.TCPConn) { time.Sleep(settleLimit / 10) }
