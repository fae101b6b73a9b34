package wire

import (
	"bytes"
	"encoding/binary"
	"time"
)

// patience is how long a pretence waits for the broker's answer before it tells the client anyway.
const patience = 2 * time.Second

// pretence is a Pretence under way.
type pretence struct {
	Pretence
	rule     *Armed
	ch       uint16
	timer    *time.Timer
	told     bool // the client has been told
	answered bool // the broker has answered
	agreed   bool // the client has sent close-ok
	crossed  bool // the client was closing, too, and waits for a close-ok
	void     bool // the broker has closed the connection of its own accord
	then     func()
}

// whole tells whether it is the connection that is closed.
func (p *pretence) whole() bool { return p.Answer == ConnectionCloseOk }

// cancels tells whether the channel works on after it: but a consumer has ended, or nothing.
func (p *pretence) cancels() bool { return p.Answer == BasicCancelOk || p.Answer == ChannelFlowOk }

// begin asks the broker, and from the same moment on keeps the client's frames from it. then, if
// there is one, runs when the broker has answered.
func (s *session) begin(want *Pretence, a *Armed, then func()) {
	p := &pretence{Pretence: *want, rule: a, then: then, ch: binary.BigEndian.Uint16(want.Ask[1:])}
	s.send(Send{ToBroker, want.Ask}, a, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, other := range s.pretences {
			if !p.cancels() && (other.whole() || other.ch == p.ch && !other.agreed && !other.cancels()) {
				return false // it is being closed already
			}
		}
		s.pretences = append(s.pretences, p)
		s.pretending.Store(int32(len(s.pretences)))
		p.timer = time.AfterFunc(s.w.cfg.patience, func() { s.late(p) })
		return true
	})
}

// late tells the client although the broker has not answered.
func (s *session) late(p *pretence) {
	select {
	case <-s.done:
		return
	default:
	}
	s.send(Send{ToClient, p.Tell}, p.rule, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if p.told {
			return false
		}
		p.told = true
		return true
	})
}

// pretend gives the plan for a frame that a pretence concerns, or nil.
func (s *session) pretend(e *Event) (*Plan, *Armed) {
	if s.pretending.Load() == 0 {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pretences {
		if !p.whole() && p.ch != e.Chan {
			continue
		}
		plan := p.fromClient(e)
		if e.Dir == ToClient {
			plan = p.fromBroker(e)
		}
		if p.over() {
			s.remove(p)
		}
		if plan != nil {
			return plan, p.rule
		}
	}
	return nil, nil
}

func (s *session) remove(p *pretence) {
	p.timer.Stop()
	for i, other := range s.pretences {
		if other == p {
			s.pretences = append(s.pretences[:i:i], s.pretences[i+1:]...)
			break
		}
	}
	s.pretending.Store(int32(len(s.pretences)))
}

// over tells whether both sides have said what they had to. A connection's is never over: all that
// is left of it is to end.
func (p *pretence) over() bool {
	return p.void || !p.whole() && p.answered && p.told && (p.agreed || p.cancels())
}

// fromClient keeps a frame from a broker that takes the channel for closed.
func (p *pretence) fromClient(e *Event) *Plan {
	if e.Dir != ToBroker || p.cancels() || e.Method == Heartbeat || p.agreed && !p.whole() {
		return nil
	}
	ok, closing := ChannelCloseOk, ChannelClose
	if p.whole() {
		ok, closing = ConnectionCloseOk, ConnectionClose
	}
	plan := &Plan{Drop: true}
	switch e.Method {
	case ok:
		p.agreed = p.told
	case closing:
		if p.told {
			plan.Send = []Send{{ToClient, p.closeOk()}}
		}
		p.crossed = !p.told
	}
	return plan
}

// fromBroker turns the broker's answer into what the client is to be told.
func (p *pretence) fromBroker(e *Event) *Plan {
	if e.Method == Heartbeat {
		return nil
	}
	if e.Method == p.Answer && !p.answered && bytes.Equal(e.Text, p.Tag) {
		p.answered = true
		if p.then != nil {
			defer p.then()
		}
		plan := &Plan{Drop: true}
		if !p.told {
			p.told = true
			plan.Send = []Send{{ToClient, p.Tell}}
			if p.crossed {
				plan.Send = append(plan.Send, Send{ToClient, p.closeOk()})
			}
		}
		return plan
	}
	switch {
	case p.cancels():
		return nil
	case e.Method == ConnectionClose && !p.told:
		p.void = true
		return nil
	case e.Method == ChannelClose && !p.whole():
		return &Plan{Drop: true, Send: []Send{{ToBroker, ChannelCloseOkFrame(p.ch)}}}
	case p.told || p.Mute:
		return &Plan{Drop: true}
	}
	return nil
}

func (p *pretence) closeOk() []byte {
	if p.whole() {
		return ConnectionCloseOkFrame()
	}
	return ChannelCloseOkFrame(p.ch)
}
