package load

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	maxDepth = 8        // of nested headers: a value that contains itself must end in an error
	maxTable = 60 << 10 // bytes: a content header is one frame, and half of the usual limit is plenty
)

// encodeHeaders encodes an AMQP table. Its values are string, bool, int, int64, float64, nil, maps and lists
// of these, which is all that JSON and JavaScript have. No headers make no table.
func encodeHeaders(t map[string]any) ([]byte, error) {
	if len(t) == 0 {
		return nil, nil
	}
	b, err := appendTable(nil, t, 0)
	if err != nil {
		return nil, err
	}
	if len(b) > maxTable {
		return nil, fmt.Errorf("they take %d bytes: at most %d are sent", len(b), maxTable)
	}
	return b, nil
}

func appendTable(b []byte, t map[string]any, depth int) ([]byte, error) {
	if depth == maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	var err error
	for k, v := range t {
		if len(k) > 128 {
			return nil, fmt.Errorf("name of %d bytes: at most 128 are allowed", len(k))
		}
		if b, err = appendValue(appendShort(b, k), v, depth); err != nil {
			return nil, fmt.Errorf("%q: %w", k, err)
		}
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b, nil
}

func appendValue(b []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, 'V'), nil
	case bool:
		if v {
			return append(b, 't', 1), nil
		}
		return append(b, 't', 0), nil
	case int:
		return binary.BigEndian.AppendUint64(append(b, 'l'), uint64(v)), nil
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'l'), uint64(v)), nil
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 'd'), math.Float64bits(v)), nil
	case string:
		b = binary.BigEndian.AppendUint32(append(b, 'S'), uint32(len(v)))
		return append(b, v...), nil
	case map[string]any:
		return appendTable(append(b, 'F'), v, depth+1)
	case []any:
		return appendList(append(b, 'A'), v, depth+1)
	}
	return nil, fmt.Errorf("a %T cannot be sent: want a string, bool, number, nil, map or list", v)
}

func appendList(b []byte, l []any, depth int) ([]byte, error) {
	if depth == maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	var err error
	for i, v := range l {
		if b, err = appendValue(b, v, depth); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b, nil
}
