package port

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Held is a port that is kept for a listener which comes and goes, in this process or another: a
// socket that is bound and never listens. While there is no listener, connections are refused, and
// neither another listener nor an outgoing connection is given the port.
type Held struct {
	fd   int
	addr string
}

// Hold keeps addr ("127.0.0.1:0": a free port), which must be loopback.
func Hold(addr string) (*Held, error) {
	tcp, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	if !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("%v is no loopback address", tcp.IP)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	h := &Held{fd: fd}
	if err := h.bind(tcp.AddrPort()); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return h, nil
}

func (h *Held) bind(want netip.AddrPort) error {
	if err := unix.SetsockoptInt(h.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	ip := want.Addr().Unmap().As4()
	if err := unix.Bind(h.fd, &unix.SockaddrInet4{Addr: ip, Port: int(want.Port())}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	name, err := unix.Getsockname(h.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	bound, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return fmt.Errorf("getsockname: %T is no IPv4 address", name)
	}
	h.addr = netip.AddrPortFrom(netip.AddrFrom4(bound.Addr), uint16(bound.Port)).String()
	return nil
}

// Addr is what the listener has to listen on, host:port.
func (h *Held) Addr() string { return h.addr }

// Close gives the port up.
func (h *Held) Close() error { return os.NewSyscallError("close", unix.Close(h.fd)) }
