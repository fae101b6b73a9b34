package history

import (
	"errors"
	"fmt"
	"hash/crc32"
)

// The file format; docs/history.md tells it in full. A change that an old reader cannot follow raises
// major; a new kind raises minor.
const (
	magic        = "comeback"
	major uint16 = 1
	minor uint16 = 0

	fileHeader  = 16      // magic, major, minor, crc
	blockHeader = 12      // payload length, payload crc, crc of these two
	blockTarget = 1 << 16 // a block is closed when its payload reaches this
	maxPayload  = 1 << 24 // a longer one is corruption
	maxText     = 1 << 20 // longer texts are cut when written
	maxNames    = 1 << 16 // Who strings beyond these are written out each time
)

// The bits of an event's mask: the field differs from what is predicted from the block's previous
// event of the same kind, and follows.
const (
	hasFlags = 1 << iota
	hasConn
	hasChan
	hasCode
	hasTag
	hasMsg
	hasN
	hasWho

	hasText = 0x80 // in the kind's byte
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrNotHistory is wrapped by the errors of Open when the file is something else.
var ErrNotHistory = errors.New("not a history file")

// ErrVersion is wrapped by errors about a file that a newer version wrote.
var ErrVersion = errors.New("written by a newer version")

// Corrupt is the error of a damaged file: bytes in its middle are not what was written.
type Corrupt struct {
	Offset int64  // of the block in the file
	Reason string // what is wrong there
}

func (c *Corrupt) Error() string {
	return fmt.Sprintf("history is damaged at byte %d: %s", c.Offset, c.Reason)
}

// Torn tells what was dropped at the end of a file whose writer was killed.
type Torn struct {
	Offset int64 `json:"offset"` // where the unfinished block begins
	Bytes  int64 `json:"bytes"`  // how much of it there is
}

func (t Torn) String() string {
	return fmt.Sprintf("the last %d bytes, from byte %d, are an unfinished block", t.Bytes, t.Offset)
}

// previous is what an event is predicted from: the block's last one of the same kind.
type previous struct {
	tag   uint64
	msg   MsgID
	n     int64
	conn  uint32
	code  int32
	who   uint32
	chn   uint16
	flags Flags
}

// next predicts counting fields: they go up by one, and stay zero in kinds that do not use them.
func next(last uint64) uint64 {
	if last == 0 {
		return 0
	}
	return last + 1
}

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
