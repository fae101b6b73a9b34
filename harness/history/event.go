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

	Offer   // the script asked for a message, or a request, to be sent. Msg Code(priority) Flags(Doomed, Extra) Who(user who sends a request, if it says) Text(method and path of a request)
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
	Probe       // any other probe. Who(name) Code N Flags(Failed) Text. CPUProbe: Code(pid) N(ms of CPU time since its start). MemoryProbe: Code(pid) N(bytes resident, of its children, too). PassProbe, CeilingProbe: see there
	ScriptError // the script threw. Who(exec function) Text

	ProcAsk // a fault asked a process to end in order. Who N(pid) Code(ms that it has, 0: as long as it takes) Text(how) Flags(Withdrawn: it did not ask after all)

	Answer  // the load has its answer to a request that it offered, or none. Msg Code(HTTP status, 0: none came) N(µs) Who(version that answered, as it says) Text(backend that answered, as it says; why none came) Flags(Good, Later, Own, Leaked)
	Take    // a backend began with a request. Msg Who(backend) N(backend's own number of it) Text(method and path)
	Give    // a backend was done with a request. Msg Who(backend) N(as in Take) Code(HTTP status, 0: none) Flags(Left)
	Health  // a backend answered a health check. Who(backend) Code(HTTP status, 0: none) N(µs)
	Rollout // a deployer did or saw something. Who(backend; "": it concerns the whole) N(ms: of begin and rollback, that it has; of drain, that the backend has for its requests) Code(of begin and rollback: backends that must stay healthy; of done: that must be, 0: any number) Tag(of begin and rollback: backends that may run, 0: any number) Text(what, the version, and why)
	Reading // a slow reader of an answer has stopped. N(fault id) Who(path) Tag(bytes of the body that it had) Code(ms since the answer's head) Flags(Whole, Left) Text(how it ended)

	kinds // number of kinds + 1
)

// DeadProbe is the Who of the Probe that looks into the dead-letter queue at the end. N: messages.
const DeadProbe = "dead letters"

// CPUProbe begins the Who of a Probe that tells how much CPU time a process has used: its name follows.
const CPUProbe = "cpu "

// MemoryProbe begins the Who of a Probe that tells how much memory a process has resident: its name follows.
const MemoryProbe = "memory "

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
	Extra    = Requeue     // offer: beyond the load that the scenario states, by a fault
	AllClear = Multiple    // alert: says that the incident is over

	Withdrawn = Multiple // process asked to end: it was taken back

	Good  = Multiple // answer: what was asked for
	Later = Requeue  // answer: turned away, with the time after which to come again (Retry-After)
	Left  = Multiple // give, reading: the caller had gone before the end

	Own    = FromBroker  // answer: it names the user who asked
	Leaked = Redelivered // answer: it names another user
	Whole  = Requeue     // reading: it had the whole answer
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
	HTTP      bool          `json:"http,omitempty"`  // the target answers requests; otherwise it consumes a queue
	Sweep     *Swept        `json:"sweep,omitempty"` // the run is a sweep over numbers of workers; nil: it is not
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

	// Of a target that answers requests.
	Unanswered int           `json:"unanswered,omitempty"` // requests that may have no answer
	Errors     int           `json:"errors,omitempty"`     // requests that may be answered badly
	TurnedAway *TurnedAway   `json:"turnedAway,omitempty"` // requests answered with a time to come again; nil: none allowed
	AskedAgain bool          `json:"askedAgain,omitempty"` // no request that may be done twice fails
	Retries    float64       `json:"retries,omitempty"`    // share of requests that backends may take more than once; 0: 0.2
	Version    string        `json:"version,omitempty"`    // that alone may answer; "": not judged
	Rotation   *Rotation     `json:"rotation,omitempty"`   // the target's health checks; nil: not judged
	BackIn     time.Duration `json:"backIn,omitempty"`     // longest time from the last heal until each backend takes requests again; 0: not judged
	Serves     string        `json:"serves,omitempty"`     // that alone answers after the last heal and Recovery; "": not judged

	Latency *Latency `json:"latency,omitempty"` // of requests that are offered while a fault is on; nil: not judged
	Cached  float64  `json:"cached,omitempty"`  // least share of answers that cost no backend a whole one, 0 to 1; 0: not judged
	Fresh   float64  `json:"fresh,omitempty"`   // beside Cached: least share of answers that no backend was asked for at all; 0: not judged
	Users   int      `json:"users,omitempty"`   // least number of users who ask, none of whom gets what was made for another; 0: not judged
	Memory  int      `json:"memory,omitempty"`  // MB that a process of the target may have resident beyond what it had before the faults; 0: not judged
	Readers *Readers `json:"readers,omitempty"` // when slow readers are cut; nil: not judged
}

// Readers bounds how long a slow reader has an answer's head before it is cut.
type Readers struct {
	Min time.Duration `json:"min,omitempty"` // so long it is served
	Max time.Duration `json:"max"`           // and no longer
	// Whole is how many of them take their answer fast enough to have all of it; 0: not judged
	Whole int `json:"whole,omitempty"`
}

// Latency bounds how long requests take, from the offer to the good answer.
type Latency struct {
	P99  time.Duration `json:"p99"`
	Path string        `json:"path,omitempty"` // begin of the paths that it is about; empty: all
}

// Rotation is how the target asks after the health of its backends.
type Rotation struct {
	Interval  time.Duration `json:"interval"`        // from one check to the next
	Timeout   time.Duration `json:"timeout"`         // of one
	Healthy   int           `json:"healthy"`         // good answers in a row after which a backend is in
	Unhealthy int           `json:"unhealthy"`       // bad answers in a row after which it is out
	Exact     bool          `json:"exact,omitempty"` // by the checks that the backend saw: it answers each of them in the end
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

// TurnedAway is how many requests are turned away, and how.
type TurnedAway struct {
	Range
	Within time.Duration `json:"within,omitempty"` // 99 % of them are told so in this time; 0: not judged
	Status int           `json:"status,omitempty"` // all of them are told so by this HTTP status; 0: 429 or 503
}

// Calls bounds the calls of a hook.
type Calls struct {
	Range
	Args []string `json:"args,omitempty"` // every call's arguments must be these; an element "*" matches any one
}
