// Package hooks stands in for the executables that a target runs: "restart", which restarts the AI
// worker, and "terminate", which ends the instance as the aws command does. WriteScript makes the
// executable, Run is its process, and Desk, on the lab's side, records every call and decides by a
// plan what the call does: exit code, delay, stderr, hang, death by signal. The Desk does not know
// how the AI worker is started: it is handed two functions for that.
package hooks

// Role is what a hook's process calls itself in its hello; its name is the hook's.
const Role = "hook"

// The hooks there are.
const (
	Restart   = "restart"
	Terminate = "terminate"
)

// Exit codes beside the planned ones.
const (
	UsageCode = 252 // what aws answers to arguments it cannot read
	FakeCode  = 125 // the fake itself failed: no lab, or the lab died meanwhile
	LetGoCode = 143 // of a hang that is let go: as if somebody had ended it. No contract takes it for a success
)

// Messages on the control socket.
const (
	msgCall    = "call"    // hook → lab: arguments
	msgPrint   = "print"   // lab → hook: write this to stderr now
	msgExit    = "exit"    // lab → hook: end this way
	msgExiting = "exiting" // hook → lab: the last thing it says
)

type order struct {
	Code   int    `json:"code"`
	Signal string `json:"signal,omitempty"`
}
