package wire

// Actions that answer in the broker's place. Each drops the frame that it matched, unless it says otherwise.

// CloseChannel closes the channel as a broker does after an error: the client gets channel.close
// with Code and Text, and at the broker the channel is gone, too, and what was unacked on it is requeued.
type CloseChannel struct {
	Code  uint16 // 404, 406, …
	Text  string
	After bool // the frame that it matched is forwarded first, with its content
	Late  bool // the frame that it matched reaches the client behind the close: a client may take the connection for broken
}

// Plan implements Action.
func (a CloseChannel) Plan(e *Event, p *Plan) {
	if e.Chan == 0 {
		return
	}
	p.Drop, p.Late = !a.After, a.Late
	p.Pretend = &Pretence{
		Ask:    ChannelCloseFrame(e.Chan, 200, "", 0),
		Answer: ChannelCloseOk,
		Tell:   ChannelCloseFrame(e.Chan, a.Code, a.Text, e.Method),
		Mute:   e.Dir == ToClient && p.Drop,
	}
}

// CloseConnection closes the connection as a broker does: the client gets connection.close with
// Code and Text, and at the broker the connection is closed, too. Match it to Now to close at once.
type CloseConnection struct {
	Code uint16 // 320, 501, 541, …
	Text string
}

// Plan implements Action.
func (a CloseConnection) Plan(e *Event, p *Plan) {
	cause := e.Method
	if cause == Now || a.Code == 320 {
		cause = 0
	}
	p.Drop = true
	p.Pretend = &Pretence{
		Ask:    ConnectionCloseFrame(200, "", 0),
		Answer: ConnectionCloseOk,
		Tell:   ConnectionCloseFrame(a.Code, a.Text, cause),
		Mute:   e.Dir == ToClient,
	}
}

// CancelConsumer cancels a consumer as a broker does when its queue goes: the client gets
// basic.cancel, at the broker the consumer is gone, and the channel stays open with what is unacked on it.
// The frame that it matched is forwarded.
type CancelConsumer struct {
	Consumer string // its tag; "" means the tag that the event carries
}

// Plan implements Action.
func (a CancelConsumer) Plan(e *Event, p *Plan) {
	tag := a.Consumer
	if tag == "" {
		tag = string(e.Text)
	}
	if e.Chan == 0 || tag == "" {
		return
	}
	p.Pretend = &Pretence{
		Ask:    CancelFrame(e.Chan, tag, false),
		Answer: BasicCancelOk,
		Tag:    []byte(tag),
		Tell:   CancelFrame(e.Chan, tag, true),
	}
}

// RefusePublish drops a publish and answers it with basic.nack, as a broker does that cannot take
// it. Without confirm mode the publish just vanishes.
type RefusePublish struct{}

// Plan implements Action.
func (RefusePublish) Plan(e *Event, p *Plan) {
	if e.Method != BasicPublish {
		return
	}
	p.Drop = true
	if e.Seq > 0 {
		p.Send = []Send{{ToClient, NackFrame(e.Chan, e.Seq, false, false)}}
	}
}

// ReturnPublish drops a publish as a broker does that has no queue for it: a mandatory one is given back with
// basic.return, any other just vanishes. In confirm mode either is confirmed, as there, after the return.
type ReturnPublish struct {
	Code uint16 // 0 means 312
	Text string // "" means NO_ROUTE
}

// Plan implements Action.
func (a ReturnPublish) Plan(e *Event, p *Plan) {
	if e.Method != BasicPublish {
		return
	}
	code, text := a.Code, a.Text
	if code == 0 {
		code = 312
	}
	if text == "" {
		text = "NO_ROUTE"
	}
	ch, seq := e.Chan, e.Seq
	p.Drop = true
	if !e.Mandatory {
		if seq > 0 {
			p.Whole = func([]byte) Send { return Send{ToClient, AckFrame(ch, seq, false)} }
		}
		return
	}
	p.Whole = func(content []byte) Send {
		frames := ReturnFrames(code, text, content)
		if seq > 0 && frames != nil {
			frames = append(frames, AckFrame(ch, seq, false)...)
		}
		return Send{ToClient, frames}
	}
}

// Block tells the client connection.blocked, as a broker does that is short of memory or disk. The
// frame that it matched is forwarded. A real alarm also stops reading: add a Stall for that.
type Block struct{ Reason string }

// Plan implements Action.
func (a Block) Plan(_ *Event, p *Plan) { p.Send = []Send{{ToClient, BlockedFrame(a.Reason)}} }

// Unblock tells the client connection.unblocked. The frame that it matched is forwarded.
type Unblock struct{}

// Plan implements Action.
func (Unblock) Plan(_ *Event, p *Plan) { p.Send = []Send{{ToClient, UnblockedFrame()}} }
