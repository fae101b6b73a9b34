// Package remote drives a fake that runs as a process of its own. Remote, on the lab's side, gives it
// its script, live and again after each restart, and hears of every rule that acts; Process, on the
// fake's side, keeps that script in force. Rules count their turns over restarts. It starts no
// process, and knows of a script only what Script says.
package remote

import (
	"encoding/json"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Script is what a fake is told: its settings, and the rules by which it misbehaves.
type Script[S, R any] interface {
	Check() error
	Split() (settings S, rules []R) // the script without its rules, and they
	Fake() string                   // for people: "AI worker"
}

// Rule is one way in which a fake misbehaves.
type Rule interface {
	Check() error
	Turns() script.Turn
}

// Event tells of a rule that acts.
type Event[E any] interface {
	// From is the event with what only the lab knows: the process, and the rule's index in the script in
	// force, -1 when it has been taken out meanwhile.
	From(pid, rule int) E
}

// Messages on the control socket.
const (
	msgScript  = "script"  // lab → fake: state
	msgApplied = "applied" // fake → lab: number of the state in force
	msgReady   = "ready"   // fake → lab: address that it listens on
	msgSeen    = "seen"    // fake → lab: a match before a rule's turn
	msgActs    = "acts"    // fake → lab: a rule acts
)

// state is what the lab sends: the script, and each rule with its number and how far it has come.
type state[S, R any] struct {
	Seq   int          `json:"seq"`
	Base  S            `json:"base"` // without rules
	Rules []ruleNow[R] `json:"rules"`
}

type ruleNow[R any] struct {
	ID    int          `json:"id"`
	Rule  R            `json:"rule"`
	Count script.Count `json:"count"`
}

type acts struct {
	ID    int             `json:"id"`
	Count script.Count    `json:"count"`
	Event json.RawMessage `json:"event,omitempty"` // of acts, not of seen
}
