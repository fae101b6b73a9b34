package wire

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// A message without a message-id goes by its correlation-id.
func TestMessageGoesByItsID(t *testing.T) {
	t.Parallel()
	const correlationID, messageID = 1 << 10, 1 << 7
	for want, c := range map[string]struct {
		flags uint16
		props []byte
	}{
		"":   {},
		"m1": {messageID, short("m1")},
		"c1": {correlationID, short("c1")},
		"m2": {correlationID | messageID, append(short("c2"), short("m2")...)},
	} {
		payload := binary.BigEndian.AppendUint64([]byte{0, 60, 0, 0}, 7)
		payload = append(binary.BigEndian.AppendUint16(payload, c.flags), c.props...)
		id, size, ok := parseHeader(payload)
		require.True(t, ok)
		require.Equal(t, want, string(id))
		require.EqualValues(t, 7, size)
		require.Equal(t, want == "", id == nil)
	}
}
