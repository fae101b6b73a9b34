// Package control is the socket between the lab and the fakes that run as processes of their own: a
// unix socket in a private directory that carries JSON lines both ways, behind a versioned hello.
// The lab listens (Server), a fake dials (Dial); both then hold a Conn. A connection that breaks
// means that the other side died: the lab forgets the process, and the process ends at once.
// It knows no fake's messages: those belong to the fake's own package.
package control

import "errors"

// Version is the protocol's; both sides must speak the same.
const Version = 1

// MaxLine is the longest line either side takes, in bytes.
const MaxLine = 1 << 20

// protocol names the protocol in a hello, so that a stray client is told apart from an old one.
const protocol = "comeback-control"

// ErrLabGone is why a fake's process ends when its connection to the lab breaks.
var ErrLabGone = errors.New("the lab is gone")

// Hello introduces a fake's process to the lab.
type Hello struct {
	Role string `json:"role"` // kind of fake: "aiworker", "hook"
	Name string `json:"name"` // which one of its kind
	Pid  int    `json:"pid"`  // as the kernel tells the lab; the process's own word where it does not
}

// greeting is the first line each way.
type greeting struct {
	Protocol string `json:"protocol"`
	Version  int    `json:"version"`
	Hello
	Error string `json:"error,omitempty"`
}
