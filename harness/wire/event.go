package wire

// Kind tells what an Event reports.
type Kind uint8

// The kinds.
const (
	MethodSeen    Kind = iota + 1 // a method; those with content once their header frame has been seen
	HeartbeatSeen                 // a heartbeat frame
	Opened                        // a connection was accepted or wrapped. Text: the client's address
	Closed                        // a connection has ended. Dir, How, Text, N: see the fields
	Unparsed                      // from here on the direction's bytes are not AMQP, and are passed on unread. Text: why
)

// How tells how a connection ended.
type How uint8

// The ways to end.
const (
	_        How = iota
	FIN          // closed in order at TCP level
	RST          // reset
	ByRule       // cut by a rule: the event's Rule
	NoBroker     // the broker could not be dialled; the client got a reset
	Refused      // the wire was told to refuse; the client got a reset
	Shut         // the wire was closed, or the wrapped connection's owner closed it
	Failed       // any other error
)

// String gives a short name, "FIN", "RST", "cut", …
func (h How) String() string {
	names := [...]string{"", "FIN", "RST", "cut by a rule", "no broker", "refused", "shut", "failed"}
	if int(h) < len(names) {
		return names[h]
	}
	return "?"
}

// Event is one method or one turn in a connection's life, as seen on the wire. It is valid only
// during the callback that gets it, and its slices alias the read buffer: copy what you keep.
//
// Name and Text by method: publish Name and Text routing key · deliver Name routing key, Text consumer
// tag · get-ok Name routing key · return Name routing key, Text reply text · consume Name queue, Text
// consumer tag (may be empty) · consume-ok, cancel, cancel-ok Text consumer tag · channel.close and
// connection.close Text reply text · blocked Text reason.
type Event struct {
	Conn   uint32    // number of the connection, from 1
	Chan   uint16    // AMQP channel, 0 for the connection
	Dir    Direction // of the frame; Closed: ToBroker when the client ended it, ToClient when the broker did, AnyDirection when the wire did
	Kind   Kind
	Method Method // MethodSeen only, and Heartbeat
	How    How    // Closed only

	Tag         uint64 // deliver, get-ok, ack, nack, reject: delivery tag; from the broker: publish sequence number
	Seq         uint64 // publish: number on its channel in confirm mode, from 1; 0 when not in confirm mode
	Multiple    bool   // ack, nack
	Requeue     bool   // nack, reject
	Redelivered bool   // deliver, get-ok
	Mandatory   bool   // publish

	MessageID []byte // publish, deliver, get-ok, return: the message-id property, or the correlation-id when absent; nil without either
	Name      []byte // see above
	Text      []byte // see above
	Code      uint16 // channel.close, connection.close, return: reply code
	Class     uint16 // channel.close, connection.close: class that caused it
	Cause     uint16 // channel.close, connection.close: method id that caused it

	Synthetic bool   // made by a rule or injected: neither the client nor the broker sent it
	Swallowed bool   // sent but not forwarded: the other side never got it
	Rule      *Armed // the rule that acted on it or made it, or nil

	N int64 // Closed: bytes passed on unparsed; 0 otherwise
}

// Tap is told of every Event. It runs inline on the goroutine that moves the bytes, before they are
// forwarded, and at times on two goroutines of one connection at once (one per direction): it must be quick, safe for
// concurrent use, and must not keep the event.
type Tap func(*Event)
