package ai

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// wholePNG looks whether a PNG is there to its end and undamaged: by the lengths and checksums of its
// chunks (PNG specification, section 5.3). That finds what was cut off or damaged on its way as surely as decoding
// every pixel does, and much cheaper. Whether its maker has put good pixels into sound chunks it does not see.
func wholePNG(data []byte) error {
	const head, tail = 8, 4 // length and type before a chunk's data, its CRC after
	if !bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) {
		return errors.New("no PNG signature")
	}
	pixels := false
	for rest := data[8:]; ; {
		if len(rest) < head+tail {
			return errors.New("the PNG ends within a chunk")
		}
		length := binary.BigEndian.Uint32(rest)
		if uint64(length) > uint64(len(rest)-head-tail) { // before it is an int, which may have 32 bits
			return errors.New("the PNG ends within a chunk")
		}
		n := int(length)
		kind := string(rest[4:head])
		if crc32.ChecksumIEEE(rest[4:head+n]) != binary.BigEndian.Uint32(rest[head+n:]) {
			return fmt.Errorf("the PNG's chunk %q is damaged", kind)
		}
		switch kind {
		case "IDAT":
			pixels = pixels || n > 0
		case "IEND":
			if !pixels {
				return errors.New("the PNG has no pixels")
			}
			return nil
		}
		rest = rest[head+n+tail:]
	}
}
