package check

import (
	"encoding/json"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// sides is what was seen beside the message flow. All of it is rare.
type sides struct {
	alerts, allClears []notice
	hooks             []hookCall
	procs             map[string]int // processes started, by name
	exits             []procExit
	asks              []procAsk
	probes            map[string]*probe
	probeOrder        []string
	scripts           []notice
	marks             []Mark
	leftover          []leftover
}

type notice struct {
	at        time.Duration
	who, text string
}

type hookCall struct {
	at   time.Duration
	hook string
	args []string
	err  error // the arguments could not be read
}

type procExit struct {
	at       time.Duration
	who      string
	pid      int64
	code     int32
	text     string
	expected bool
}

// procAsk is a process that a fault asked to end.
type procAsk struct {
	at        time.Duration
	who, how  string
	pid       int64
	within    time.Duration // 0: however long it takes
	withdrawn bool
}

// ask notes that a process was asked to end, or that the last such was withdrawn.
func (s *sides) ask(e *history.Event) {
	if !e.Flags.Has(history.Withdrawn) {
		s.asks = append(s.asks, procAsk{at: e.At, who: e.Who, how: e.Text, pid: e.N, within: time.Duration(max(0, e.Code)) * time.Millisecond})
		return
	}
	for i := range s.asks {
		if a := &s.asks[i]; a.who == e.Who && a.pid == e.N {
			a.withdrawn = true
		}
	}
}

// probe counts a probe's answers.
type probe struct{ answered, failed int64 }

type leftover struct {
	at    time.Duration
	queue string
	n     int64
}

func (s *sides) see(e *history.Event) {
	note := notice{at: e.At, who: e.Who, text: e.Text}
	switch e.Kind {
	case history.Alert:
		if e.Flags.Has(history.AllClear) {
			s.allClears = append(s.allClears, note)
		} else {
			s.alerts = append(s.alerts, note)
		}
	case history.HookCall:
		call := hookCall{at: e.At, hook: e.Who}
		if e.Text != "" {
			call.err = json.Unmarshal([]byte(e.Text), &call.args)
		}
		s.hooks = append(s.hooks, call)
	case history.ProcStart:
		if s.procs == nil {
			s.procs = make(map[string]int)
		}
		s.procs[e.Who]++
	case history.ProcExit:
		s.exits = append(s.exits, procExit{
			at: e.At, who: e.Who, pid: e.N, code: e.Code, text: e.Text, expected: e.Flags.Has(history.Expected),
		})
	case history.ProcAsk:
		s.ask(e)
	case history.ScriptError:
		s.scripts = append(s.scripts, note)
	case history.Mark:
		s.marks = append(s.marks, Mark{At: e.At, Name: e.Who, Text: e.Text})
	case history.Leftover:
		s.leftover = append(s.leftover, leftover{at: e.At, queue: e.Who, n: e.N})
	case history.Probe:
		s.probe(e)
	}
}

// probe counts an answer, of a queue's depth too.
func (s *sides) probe(e *history.Event) {
	name := e.Kind.String() + " " + e.Who
	if s.probes == nil {
		s.probes = make(map[string]*probe)
	}
	p := s.probes[name]
	if p == nil {
		p = &probe{}
		s.probes[name] = p
		s.probeOrder = append(s.probeOrder, name)
	}
	if e.Flags.Has(history.Failed) {
		p.failed++
	} else {
		p.answered++
	}
}

// left is the number of messages still queued at the end, and whether anybody looked.
func (s *sides) left() (n int64, looked bool) {
	for _, l := range s.leftover {
		n += l.n
	}
	return n, len(s.leftover) > 0
}
