package port

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// hold is a socket that is bound and never listens. It keeps the port ours while the listener is
// shut: connections are refused, and neither another listener nor an outgoing connection is given it.
type hold struct {
	fd   int
	addr string
}

func holdPort(addr string) (*hold, error) {
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
	h := &hold{fd: fd}
	if err := h.bind(tcp.AddrPort()); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return h, nil
}

func (h *hold) bind(want netip.AddrPort) error {
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

func (h *hold) close() error { return os.NewSyscallError("close", unix.Close(h.fd)) }
