package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Kind describes one sort of fault for scripts and for docs/faults.md, which is made of it. Its
// parameters are the JSON fields of New's fault, each with its doc tag.
type Kind struct {
	Name    string
	Args    []string     // parameters that a script may give by position
	Doc     string       // what it does, in a sentence that begins with a verb in small letters
	Does    string       // what it does on the wire or to the process, when it is in effect, and when it is gone
	Correct string       // what a correct target does
	Of      Of           // what kind of target it can be put in place for
	Needs   string       // what it needs to run; "": nothing
	New     func() Fault // with its defaults; its JSON fields are its parameters
}

// Usage is how a script makes the fault.
func (k Kind) Usage() string {
	return "faults." + k.Name + "(" + strings.Join(append(slices.Clone(k.Args), "{ … }"), ", ") + ")"
}

// All lists every fault there is. It is a function, as Reboot makes faults of its own by name.
func All() []Kind {
	return []Kind{
		onKind,
		swapKind,
		hookKind,
		hookFileKind,
		workerKind,
		workerDownKind,
		apiKind,
		alertSinkKind,
		metadataKind,
		noticeKind,
		linkKind,
		refuseKind,
		rebootKind,
		messagesKind,
		meminfoKind,
		diskFullKind,
		processKind,
		brokerDownKind,
		brokerPausedKind,
		brokerAlarmKind,
		forceCloseKind,
		queueDeletedKind,
		consumerTimeoutKind,
		rollKind,
		backendKind,
		backendDownKind,
		rolloutKind,
		stuckKind,
		heapKind,
		accountKind,
		spikeKind,
		slowReadersKind,
	}
}

// Spec names a fault and its parameters, as a script writes them.
type Spec struct {
	Fault  string          `json:"fault"`
	Params json.RawMessage `json:"params,omitempty"`
}

// Of is what kind of target a fault is for.
type Of int

// The kinds of targets.
const (
	Queue    Of = iota // consumers of a queue
	Requests           // those that answer requests
	Either
)

func (o Of) suits(http bool) bool { return o == Either || (o == Requests) == http }

// Suits tells whether a fault of this name can be put in place for a target that answers requests (http), or
// for one that consumes a queue. A name that is not known suits: New has a better error.
func Suits(name string, http bool) error {
	i := slices.IndexFunc(All(), func(k Kind) bool { return k.Name == name && !k.Of.suits(http) })
	switch {
	case i < 0:
		return nil
	case http:
		return fmt.Errorf("fault %s: it is for consumers of a queue, and the target answers requests", name)
	}
	return fmt.Errorf("fault %s: it is for targets that answer requests, and this one consumes a queue", name)
}

// New makes the fault that s names. Unknown names and parameters are errors.
func New(s Spec) (Fault, error) {
	for _, k := range All() {
		if k.Name != s.Fault {
			continue
		}
		f := k.New()
		if len(s.Params) == 0 {
			return f, nil
		}
		d := json.NewDecoder(bytes.NewReader(s.Params))
		d.DisallowUnknownFields()
		if err := d.Decode(f); err != nil {
			return nil, fmt.Errorf("fault %s: parameters %s: %w", s.Fault, s.Params, err)
		}
		return f, nil
	}
	return nil, fmt.Errorf("no fault %q; there are %s", s.Fault, allNames())
}

func allNames() string {
	var all []string
	for _, k := range All() {
		all = append(all, k.Name)
	}
	return strings.Join(all, ", ")
}
