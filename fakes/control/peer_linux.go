package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerPid asks the kernel who dialled: right even when the peer lives in another PID namespace and
// knows itself under another number. 0 when it cannot tell.
func peerPid(c net.Conn) int {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	if err != nil {
		return 0
	}
	return pid
}
