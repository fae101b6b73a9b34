package recovery

import (
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/history/track"
)

// A message whose confirm can no longer come, since its channel has ended, may never have reached the
// broker. It is no backlog of the target's, so the Series follows the load's publishes and confirms.

func (s *Series) openLoad(conn uint32) {
	if s.load == nil {
		s.load = make(map[uint32]map[uint16]*track.Tags)
	}
	s.load[conn] = make(map[uint16]*track.Tags)
}

func (s *Series) publish(e *history.Event) {
	chans := s.load[e.Conn]
	if chans == nil {
		return // not the load's
	}
	if e.Msg != 0 {
		s.offer(e.Msg, e.At)
	}
	if e.Tag == 0 {
		return // without confirms nothing is known to be missing
	}
	tags := chans[e.Chan]
	if tags == nil {
		tags = &track.Tags{}
		chans[e.Chan] = tags
	}
	tags.Add(e.Tag, e.Msg)
}

func (s *Series) confirm(e *history.Event) {
	tags := s.load[e.Conn][e.Chan]
	if tags == nil || e.Flags.Has(history.Synthetic) {
		return
	}
	if e.Flags.Has(history.Multiple) {
		s.settled = tags.TakeUpTo(e.Tag, s.settled[:0])
	} else {
		msg, ok := tags.Take(e.Tag)
		if !ok {
			return
		}
		s.settled = append(s.settled[:0], msg)
	}
	if e.Kind == history.Confirm {
		return
	}
	for _, msg := range s.settled {
		s.discount(msg)
	}
}

func (s *Series) closeChannel(conn uint32, ch uint16) {
	tags := s.load[conn][ch]
	if tags == nil {
		return
	}
	for _, msg := range tags.All() {
		s.discount(msg)
	}
	delete(s.load[conn], ch)
}

func (s *Series) closeConn(conn uint32) {
	for ch := range s.load[conn] {
		s.closeChannel(conn, ch)
	}
	delete(s.load, conn)
}
