package history

import "time"

// MsgID names one message of the workload in every event that concerns it. The load writes ids of
// the form "m<decimal>" into the message-id property; ParseMsgID gives their number. Any other id is
// hashed to 63 bits with the top bit set. 0 means no message.
type MsgID uint64

// Event is one entry of a history. One flat struct serves every kind: a field that a kind does not
// list in its comment is zero and costs nothing on disk.
type Event struct {
	At    time.Duration // since the run's base; monotonic, never negative
	Kind  Kind
	Flags Flags
	Conn  uint32 // connection, numbered from 1 in a run over all wires
	Chan  uint16 // AMQP channel
	Code  int32  // reply code, HTTP status, exit code (128+n for signal n)
	Tag   uint64 // delivery tag, publish sequence number
	Msg   MsgID
	N     int64  // kind's own number: pid, count, fault id
	Who   string // kind's own name: role, process, queue, fault; few different ones in a run
	Text  string // free text: params, reasons, log lines
}

// Kind tells what an Event records. The numbers are part of the format: never reuse or reorder them.
type Kind uint8

// The kinds. Each comment lists the fields used beside At.
const (
	_ Kind = iota

	Begin     // first event of a run. Text: Meta as JSON
	LoadBegin // the workload starts offering
	LoadEnd   // the workload has stopped offering. N: messages the load turned away, and dropped iterations; several add up
	Mark      // a milestone told by the script or the lab. Who: name, Text: detail
	End       // last event: the run was closed in order. Text: why it ended

	Offer   // the script asked for a message to be sent. Msg Code(priority) Flags(Doomed)
	Publish // basic.publish seen. Conn Chan Tag(seq in confirm mode) Msg, Who: routing key
	Confirm // basic.ack from the broker. Conn Chan Tag Flags(Multiple)
	Refuse  // basic.nack from the broker. Conn Chan Tag Flags(Multiple)
	Return  // basic.return from the broker. Conn Chan Msg Code Text

	Deliver // basic.deliver or get-ok. Conn Chan Tag Msg Flags(Redelivered)
	Ack     // basic.ack from the client. Conn Chan Tag Flags(Multiple)
	Nack    // basic.nack from the client. Conn Chan Tag Flags(Multiple, Requeue)
	Reject  // basic.reject from the client. Conn Chan Tag Flags(Requeue)

	ConnOpen  // connection accepted. Conn, Who: role ("load", "consumer/0", …), Text: client address
	ConnClose // connection ended. Conn Code Text Flags(FromBroker: broker's connection.close or FIN; none: the client's)
	ChanOpen  // channel.open-ok. Conn Chan
	ChanClose // channel.close. Conn Chan Code Text N(class<<16|method) Flags(FromBroker)
	Consume   // basic.consume. Conn Chan, Who: queue, Text: consumer tag
	Cancel    // basic.cancel. Conn Chan Flags(FromBroker) Text: consumer tag
	Blocked   // connection.blocked. Conn Text: reason
	Unblocked // connection.unblocked. Conn
	Unparsed  // bytes that are no AMQP frame were passed on. Conn N(bytes) Text Flags(FromBroker)

	Effect     // a sink was asked to accept a result. Msg Code(status answered) Who(sink) Text(idempotency key when it is not the message id) Flags(Replay: key seen before, no new effect; Refused: answered an error, no effect; Refused|Accepted: accepted, then answered an error; Refused|Broken: no whole result)
	DeadLetter // found in the dead-letter queue at the end. Msg Text(reason)
	Leftover   // found ready in a queue after the target was stopped, 0 too. N(count) Who(queue)
	Alert      // a message at the alert sink. Who(incident title) Text Flags(AllClear)

	ProcStart // a process was started. Who N(pid) Text(command)
	ProcReady // a process answered its ready probe. Who N(pid)
	ProcExit  // a process ended. Who N(pid) Code Text(signal name or reason) Flags(Expected: the lab or a fault ended it)
	Log       // a line a process printed. Who Text
	HookCall  // the target ran a hook. Who("restart", "terminate") N(pid) Text(arguments as a JSON list)
	HookExit  // a hook ended. Who N(pid) Code Text(what its plan said)
	HostRead  // the target read the host memory fixture. Who(state it read: "unset", "ok", "low")
	Work      // the AI worker finished a request out of the ordinary. Msg Code Text(what it did)

	Inject   // a fault was put in place. N(fault id) Who(fault) Text(parameters)
	InEffect // the fault was first seen to touch an op. N Who Text(evidence)
	Touch    // the fault touched an op. N Conn Chan Msg. More than 0.25 s after Heal, it says that the fault outlived it
	Heal     // the fault was undone. N Who
	Gone     // an op was seen to pass untouched after Heal. N Who Text(evidence)
	Outlived // the fault was still seen after Heal. N Who Text(evidence)

	Depth       // a queue was probed. Who(queue) N(ready) Tag(unacked) Code(consumers) Flags(Failed) Text(error)
	Probe       // any other probe. Who(name) Code N Flags(Failed) Text. CPUProbe: Code(pid) N(ms of CPU time since its start)
	ScriptError // the script threw. Who(exec function) Text

	ProcAsk // a fault asked a process to end in order. Who N(pid) Code(ms that it has, 0: as long as it takes) Text(how) Flags(Withdrawn: it did not ask after all)

	kinds // number of kinds + 1
)

// DeadProbe is the Who of the Probe that looks into the dead-letter queue at the end. N: messages.
const DeadProbe = "dead letters"

// CPUProbe begins the Who of a Probe that tells how much CPU time a process has used: its name follows.
const CPUProbe = "cpu "

// Flags qualify an Event.
type Flags uint8

// The flags. Some share a bit, as no kind uses both.
const (
	Multiple    Flags = 1 << iota // ack, nack, confirm: all tags up to this one
	Requeue                       // nack, reject
	Redelivered                   // deliver
	FromBroker                    // sent by the broker, not by the client
	Synthetic                     // put on the wire by a fault: neither the target's nor the broker's doing
	Swallowed                     // sent, seen and dropped by a fault: the other side never got it
	Failed                        // probe had no answer
	Expected                      // process end that the lab or a fault brought about

	Replay   = Multiple    // effect: the idempotency key was seen before
	Refused  = Requeue     // effect: answered with an error status
	Accepted = Redelivered // effect: with Refused, the effect happened all the same
	Broken   = Failed      // effect: with Refused, what was reported is no whole image and no JSON object
	Doomed   = Multiple    // offer: a correct target dead-letters it
	AllClear = Multiple    // alert: says that the incident is over

	Withdrawn = Multiple // process asked to end: it was taken back
)

// Has tells whether every bit of want is set.
func (f Flags) Has(want Flags) bool { return f&want == want }

// Meta describes a run; it is the Text of the Begin event, as JSON, so that a history can be judged
// again from its file alone.
type Meta struct {
	Scenario  string        `json:"scenario"`
	Incidents []string      `json:"incidents,omitempty"`
	Target    string        `json:"target"`
	Version   string        `json:"version,omitempty"` // the target's, as it reports it
	Defect    string        `json:"defect,omitempty"`
	Seed      uint64        `json:"seed"`
	Repeat    string        `json:"repeat"`  // the command that repeats this run
	Started   time.Time     `json:"started"` // wall clock at the base, for people only
	Rate      float64       `json:"rate"`    // messages a second that the load means to offer
	Duration  time.Duration `json:"duration"`
	Expect    Expect        `json:"expect"`
	Catches   []Catch       `json:"catches,omitempty"`
}

// Catch names a defect and the check that must fail on it.
type Catch struct {
	Defect string `json:"defect"`
	Check  string `json:"check"`
}

// Expect is what a scenario states about a correct target. The zero value is the strictest: no loss,
// no duplicate, a fault that takes effect and is healed, no hook call, no alert.
type Expect struct {
	NoFault    bool             `json:"noFault,omitempty"`    // a control run: no fault is wanted, any is an error
	Lost       int              `json:"lost,omitempty"`       // confirmed messages that may stay without effect
	Duplicates int              `json:"duplicates,omitempty"` // messages that may have more than one effect
	Recovery   time.Duration    `json:"recovery,omitempty"`   // longest recovery time; 0: recovery is not judged
	Known      time.Duration    `json:"known,omitempty"`      // the target's recovery time, where it is known beforehand: it then measures our clock; 0: it is not
	Stall      time.Duration    `json:"stall,omitempty"`      // longest time with ready messages and a live consumer and no movement; 0: 2 s
	Takeover   time.Duration    `json:"takeover,omitempty"`   // longest time until what an instance held has its effect after all; 0: not judged
	FairShare  float64          `json:"fairShare,omitempty"`  // least share of its due that each instance gets after the faults, 0 to 1; 0: not judged
	Serving    *Serving         `json:"serving,omitempty"`    // how the service goes on while a fault is on; nil: not judged
	WorksOn    bool             `json:"worksOn,omitempty"`    // the target goes on while a fault is on: see Stall
	InFlight   bool             `json:"inFlight,omitempty"`   // something must be delivered and unsettled when the fault takes effect
	Prefetch   int              `json:"prefetch,omitempty"`   // deliveries that the target may hold unsettled on a channel; 0: not judged
	CPU        float64          `json:"cpu,omitempty"`        // cores that an instance may use after the last heal beyond what it used before; 0: not judged
	Reconnects *Range           `json:"reconnects,omitempty"` // attempts to connect of each instance while faults are on; nil: not judged
	Alerts     *Range           `json:"alerts,omitempty"`     // alerts at the sink; nil: none allowed
	AllClears  *Range           `json:"allClears,omitempty"`  // nil: as many as alerts, when there are any
	Hooks      map[string]Calls `json:"hooks,omitempty"`      // by hook; a hook that is not listed must not be called
}

// Serving bounds how the service may suffer.
type Serving struct {
	Share  float64       `json:"share"`  // of messages that are served in time, above 0, at most 1
	Within time.Duration `json:"within"` // from the offer to the effect
}

// Range bounds a count, both ends included.
type Range struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Calls bounds the calls of a hook.
type Calls struct {
	Range
	Args []string `json:"args,omitempty"` // every call's arguments must be these; an element "*" matches any one
}
