package harness

import (
	"sync/atomic"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// tap turns what one wire sees into history. It runs once a frame on the goroutines that move the
// bytes, so it copies nothing but the few texts of rare events.
type tap struct {
	role   string
	record *recorder
	key    lastName // of the last publish
}

func (t *tap) see(e *wire.Event) {
	h := history.Event{Conn: e.Conn, Chan: e.Chan}
	if e.Synthetic {
		h.Flags |= history.Synthetic
	}
	if e.Swallowed {
		h.Flags |= history.Swallowed
	}
	switch e.Kind {
	case wire.MethodSeen:
		if !t.method(e, &h) {
			return
		}
	case wire.Opened:
		h.Kind, h.Who, h.Text = history.ConnOpen, t.role, string(e.Text)
	case wire.Closed:
		h.Kind, h.Text = history.ConnClose, e.How.String()+" "+string(e.Text)
		if e.Dir == wire.ToClient {
			h.Flags |= history.FromBroker
		}
		if e.Rule != nil || e.How == wire.Refused {
			h.Flags |= history.Synthetic
		}
	case wire.Unparsed:
		h.Kind, h.Text, h.N = history.Unparsed, string(e.Text), e.N
		if e.Dir == wire.ToClient {
			h.Flags |= history.FromBroker
		}
	default:
		return
	}
	t.record.Append(&h)
	if owner := ownerOf(e); owner != 0 {
		t.record.Append(&history.Event{Kind: history.Touch, N: owner, Conn: h.Conn, Chan: h.Chan, Msg: h.Msg})
	}
}

// ownerOf gives the number of the fault whose rule acted on the event, 0 when there is none.
func ownerOf(e *wire.Event) int64 {
	if e.Rule == nil {
		return 0
	}
	return e.Rule.Rule().Owner
}

// method fills in h for a method that matters, and tells whether it does.
func (t *tap) method(e *wire.Event, h *history.Event) bool {
	fromBroker := e.Dir == wire.ToClient
	switch e.Method {
	case wire.BasicPublish:
		h.Kind, h.Tag, h.Msg, h.Who = history.Publish, e.Seq, history.ParseMsgID(e.MessageID), t.key.of(e.Name)
	case wire.BasicDeliver, wire.BasicGetOk:
		h.Kind, h.Tag, h.Msg = history.Deliver, e.Tag, history.ParseMsgID(e.MessageID)
		set(h, history.Redelivered, e.Redelivered)
	case wire.BasicAck:
		h.Kind, h.Tag = history.Ack, e.Tag
		if fromBroker {
			h.Kind = history.Confirm
		}
		set(h, history.Multiple, e.Multiple)
	case wire.BasicNack:
		h.Kind, h.Tag = history.Nack, e.Tag
		if fromBroker {
			h.Kind = history.Refuse
		}
		set(h, history.Multiple, e.Multiple)
		set(h, history.Requeue, e.Requeue)
	case wire.BasicReject:
		h.Kind, h.Tag = history.Reject, e.Tag
		set(h, history.Requeue, e.Requeue)
	case wire.BasicReturn:
		h.Kind, h.Msg, h.Code, h.Text = history.Return, history.ParseMsgID(e.MessageID), int32(e.Code), string(e.Text)
	default:
		return t.rare(e, h, fromBroker)
	}
	return true
}

// rare fills in the methods that come a few times in a run.
func (t *tap) rare(e *wire.Event, h *history.Event, fromBroker bool) bool {
	h.Text = string(e.Text)
	set(h, history.FromBroker, fromBroker)
	switch e.Method {
	case wire.ChannelOpenOk:
		h.Kind, h.Flags = history.ChanOpen, h.Flags&^history.FromBroker
	case wire.ChannelClose:
		h.Kind, h.Code, h.N = history.ChanClose, int32(e.Code), int64(e.Class)<<16|int64(e.Cause)
	case wire.ConnectionClose:
		h.Kind, h.Code, h.N = history.ConnClose, int32(e.Code), int64(e.Class)<<16|int64(e.Cause)
	case wire.BasicConsume:
		h.Kind, h.Who = history.Consume, string(e.Name)
	case wire.BasicCancel:
		h.Kind = history.Cancel
	case wire.ConnectionBlocked:
		h.Kind = history.Blocked
	case wire.ConnectionUnblocked:
		h.Kind = history.Unblocked
	default:
		return false
	}
	return true
}

func set(h *history.Event, flag history.Flags, on bool) {
	if on {
		h.Flags |= flag
	}
}

// lastName saves the copy of a routing key when the same one comes again, as it nearly always does.
type lastName struct{ last atomic.Pointer[string] }

func (n *lastName) of(b []byte) string {
	if p := n.last.Load(); p != nil && *p == string(b) {
		return *p
	}
	s := string(b)
	n.last.Store(&s)
	return s
}
