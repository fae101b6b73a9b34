package wire

// Direction tells which way a frame goes. The zero value means any in a Match, and "neither side"
// in a Closed event.
type Direction uint8

// The directions.
const (
	AnyDirection Direction = iota
	ToBroker               // sent by the client
	ToClient               // sent by the broker
)

// String gives "to broker", "to client" or "any".
func (d Direction) String() string {
	switch d {
	case ToBroker:
		return "to broker"
	case ToClient:
		return "to client"
	}
	return "any"
}

// Other gives the opposite direction; AnyDirection has none and gives itself.
func (d Direction) Other() Direction {
	switch d {
	case ToBroker:
		return ToClient
	case ToClient:
		return ToBroker
	}
	return AnyDirection
}
