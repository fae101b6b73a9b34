package history

import (
	"math"
	"strconv"
)

// hashed marks ids that are a hash of the message-id property instead of its number.
const hashed MsgID = 1 << 63

// ParseMsgID gives the id of a message-id property. "m1" … "m9223372036854775807" without leading
// zeros give their number, the empty string gives 0, and everything else is hashed (FNV-1a, 63 bits,
// top bit set). It does not keep s and does not allocate.
func ParseMsgID(s []byte) MsgID {
	if len(s) == 0 {
		return 0
	}
	if n, ok := parseNumber(s); ok {
		return MsgID(n)
	}
	h := uint64(14695981039346656037)
	for _, c := range s {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return MsgID(h) | hashed
}

// parseNumber reads the canonical form "m<decimal>" only, so that two ids never share a number.
func parseNumber(s []byte) (uint64, bool) {
	if len(s) < 2 || len(s) > 20 || s[0] != 'm' || s[1] == '0' {
		return 0, false
	}
	n := uint64(0)
	for _, c := range s[1:] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0') // at most 19 digits: no overflow
	}
	return n, n <= math.MaxInt64
}

// Hashed tells whether the id is a hash and not a number of the workload.
func (id MsgID) Hashed() bool { return id&hashed != 0 }

// String gives "m<decimal>", "#<16 hex digits>" for a hashed id, and "-" for no message.
func (id MsgID) String() string {
	switch {
	case id == 0:
		return "-"
	case id.Hashed():
		return "#" + strconv.FormatUint(uint64(id), 16)
	default:
		return "m" + strconv.FormatUint(uint64(id), 10)
	}
}
