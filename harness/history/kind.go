package history

import (
	"fmt"
	"strings"
)

// kindNames is in the order of the kinds.
var kindNames = [kinds]string{
	Begin:       "begin",
	LoadBegin:   "load-begin",
	LoadEnd:     "load-end",
	Mark:        "mark",
	End:         "end",
	Offer:       "offer",
	Publish:     "publish",
	Confirm:     "confirm",
	Refuse:      "refuse",
	Return:      "return",
	Deliver:     "deliver",
	Ack:         "ack",
	Nack:        "nack",
	Reject:      "reject",
	ConnOpen:    "conn-open",
	ConnClose:   "conn-close",
	ChanOpen:    "chan-open",
	ChanClose:   "chan-close",
	Consume:     "consume",
	Cancel:      "cancel",
	Blocked:     "blocked",
	Unblocked:   "unblocked",
	Unparsed:    "unparsed",
	Effect:      "effect",
	DeadLetter:  "dead-letter",
	Leftover:    "leftover",
	Alert:       "alert",
	ProcStart:   "proc-start",
	ProcReady:   "proc-ready",
	ProcExit:    "proc-exit",
	Log:         "log",
	HookCall:    "hook-call",
	HookExit:    "hook-exit",
	HostRead:    "host-read",
	Work:        "work",
	Inject:      "inject",
	InEffect:    "in-effect",
	Touch:       "touch",
	Heal:        "heal",
	Gone:        "gone",
	Outlived:    "outlived",
	Depth:       "depth",
	Probe:       "probe",
	ScriptError: "script-error",
	ProcAsk:     "proc-ask",
	Answer:      "answer",
	Take:        "take",
	Give:        "give",
	Health:      "health",
	Rollout:     "rollout",
	Reading:     "reading",
}

// String gives the kind's name in lower case, "load-begin" for LoadBegin.
func (k Kind) String() string {
	if k == 0 || k >= kinds {
		return fmt.Sprintf("kind-%d", uint8(k))
	}
	return kindNames[k]
}

// Kinds is the number of kinds plus one: valid ones are from 1 to Kinds-1.
const Kinds = int(kinds)

// BackendName is the Who of the n-th backend, from 0.
func BackendName(n int) string { return fmt.Sprintf("%s%d", backends, n) }

// IsBackend tells whether a Who is one.
func IsBackend(who string) bool { return strings.HasPrefix(who, backends) }

const backends = "backend/"
