package child

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
)

const (
	lowestPort = 10000
	portTries  = 100
)

// FreePort gives a TCP port of 127.0.0.1 that is free, and given to no other group on this machine until
// this one is closed: servers take a second to start, and are down at times, while other runs look for ports of
// their own. Somebody else may still take it before the caller does.
//
// It lies below the kernel's range for outgoing connections. A port inside that range can be taken by
// any client while its server is down for a restart, even by a client that dials that very port and
// so connects to itself.
func (g *Group) FreePort() (int, error) {
	low := ephemeralLow()
	var last error
	for range portTries {
		port := 0 // where nothing lies below, of the kernel's choice
		if low > lowestPort {
			port = lowestPort + rand.IntN(low-lowestPort)
		}
		port, err := listenOnce(port)
		if err != nil {
			last = err
			continue
		}
		if err := g.reserve(port); err == nil {
			return port, nil
		} else if last = err; !errors.Is(err, syscall.EADDRINUSE) {
			return 0, fmt.Errorf("child: reserve port %d of 127.0.0.1: %w", port, err)
		}
	}
	return 0, fmt.Errorf("child: none of %d ports tried on 127.0.0.1 is free: the last: %w", portTries, last)
}

// reserve keeps other groups from port. A name among the kernel's sockets belongs to one process at a time and
// ends with it, however it dies.
func (g *Group) reserve(port int) error {
	l, err := net.Listen("unix", fmt.Sprintf("@comeback-port-%d", port))
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errors.Join(ErrClosed, l.Close())
	}
	g.ports = append(g.ports, l)
	return nil
}

// ephemeralLow is the first port that the kernel gives to outgoing connections.
func ephemeralLow() int {
	low, high := 0, 0
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(b), &low, &high); err != nil {
		return 0
	}
	return low
}

func listenOnce(port int) (int, error) {
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
