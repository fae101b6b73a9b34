// Package upstream is a backend behind a proxy: an HTTP server with as many threads, data source
// connections and neighbours as its Script says, whose rules make it boot slowly, fail, hang, deadlock,
// choke on its garbage collector or answer in parts. Every request that it takes goes into its ledger
// twice: when it came and when it ended. Listen runs it in this process; Run in one of its own, which
// Remote drives from the lab. It decides nothing by chance: latencies come from the seed and the
// request's id.
package upstream

import (
	"errors"
	"time"
)

// Role is what the process calls itself in its hello.
const Role = "upstream"

// Headers of requests and answers.
const (
	RequestID     = "X-Request-Id" // by which the ledger names a request; sent back
	VersionHeader = "X-Version"    // of the backend that answers
	BackendHeader = "X-Backend"    // its name
)

// ErrRefused is why a boot ends when a rule refuses it; the process should exit with 1.
var ErrRefused = errors.New("boot refused")

// ErrDied is why an upstream in this process ends when a rule kills it.
var ErrDied = errors.New("the upstream died")

// Event tells of a rule that acts, before it does.
type Event struct {
	Backend string `json:"backend"`
	Pid     int    `json:"-"`
	Rule    int    `json:"-"`            // Remote: index in the script in force; -1: the rule has been taken out meanwhile
	Do      string `json:"do"`           // what the rule does
	ID      string `json:"id,omitempty"` // of the request; empty at boot and where the caller gave none
	Code    int    `json:"code,omitempty"`
	Text    string `json:"text"` // what it does, for people
}

// From implements remote.Event.
func (e Event) From(pid, rule int) Event {
	e.Pid, e.Rule = pid, rule
	return e
}

// Record is one request in the ledger. It is told when the request came (Ended is zero then), before
// anything is done for it, and again when it ended. A process that is killed leaves records without an end. Of id, method,
// path and user the first 512 bytes are kept.
type Record struct {
	Backend string    `json:"-"`
	Pid     int       `json:"-"`
	N       int64     `json:"n"` // counts the process's requests from 1, and pairs the two records
	ID      string    `json:"id,omitempty"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	User    string    `json:"user,omitempty"` // from Authorization or the cookie "user"
	Version string    `json:"version"`
	Came    time.Time `json:"came"`
	Began   time.Time `json:"began,omitzero"` // when it had a thread
	Ended   time.Time `json:"ended,omitzero"`
	Status  int       `json:"status,omitempty"` // that was answered, in part at least; 0: no answer
	Bytes   int64     `json:"bytes,omitempty"`  // of the answer's body that were written
	Gone    bool      `json:"gone,omitempty"`   // the caller had gone before the end
}
