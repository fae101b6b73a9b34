package child

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

const (
	lowestPort = 10000
	portTries  = 100
)

// FreePort gives a TCP port that was free on 127.0.0.1 a moment ago. Somebody may take it before the
// caller does: try again with another one then.
//
// It lies below the kernel's range for outgoing connections. A port inside that range can be taken by
// any client while its server is down for a restart, even by a client that dials that very port and
// so connects to itself.
func FreePort() (int, error) {
	low := ephemeralLow()
	for range portTries {
		if low <= lowestPort {
			break
		}
		if port, err := listenOnce(lowestPort + rand.IntN(low-lowestPort)); err == nil {
			return port, nil
		}
	}
	port, err := listenOnce(0)
	if err != nil {
		return 0, fmt.Errorf("child: find a free port on 127.0.0.1: %w", err)
	}
	return port, nil
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
