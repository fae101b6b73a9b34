// Package aiworker is the AI process of a host: an HTTP server, in a process of its own, that speaks
// as much of the AUTOMATIC1111 web UI's API as a consumer needs (txt2img, sd-models, options, memory,
// ping) and answers with real, small PNGs. Run is the process. Remote, on the lab's side, gives it
// its Script, live and again after each restart, and hears of every rule that acts. It starts no
// process and computes no images.
package aiworker

import (
	"errors"

	"github.com/comeback-chaos/xk6-comeback/fakes/remote"
)

// Role is what the process calls itself in its hello.
const Role = "aiworker"

// RequestID is the header that carries the message id of a job.
const RequestID = "X-Request-Id"

// ProbeHeader marks a request, of any value, that no rule acts on or counts: the lab's own, which asks
// whether the worker serves.
const ProbeHeader = "X-Comeback-Probe"

// ErrRefused is why Run ends when a rule refuses the boot; the process should exit with 1.
var ErrRefused = errors.New("boot refused")

// Event tells of a rule that acts, before it does.
type Event struct {
	Pid  int    `json:"-"`
	Rule int    `json:"-"`             // index in the script in force; -1: the rule has been taken out meanwhile
	Do   string `json:"do"`            // what the rule does
	Msg  string `json:"msg,omitempty"` // message id of the job; empty at boot, for a ping and a warm-up
	Code int    `json:"code,omitempty"`
	Text string `json:"text"` // what it does, for people
}

// Remote is the lab's side of one worker, over all its restarts.
type Remote = remote.Remote[Script, Rule, Event]

// Armed is a rule in force.
type Armed = remote.Armed[Script, Rule, Event]

// From implements remote.Event.
func (e Event) From(pid, rule int) Event {
	e.Pid, e.Rule = pid, rule
	return e
}
