package ai

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	_ "image/gif"  // formats that an answer may have beside PNG
	_ "image/jpeg" // "
	"math"
)

const pixelLimit = 100_000_000 // of one picture

const pngSignature = "\x89PNG\r\n\x1a\n"

// look tells the format of a picture that is there to its end and not too large.
func look(data []byte) (format string, err error) {
	if bytes.HasPrefix(data, []byte(pngSignature)) {
		size, err := wholePNG(data)
		if err != nil {
			return "", err
		}
		return "png", bearable(size)
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	if err := bearable(size); err != nil {
		return "", err
	}
	_, _, err = image.Decode(bytes.NewReader(data))
	return format, err
}

func bearable(size image.Config) error {
	if size.Width > pixelLimit/max(size.Height, 1) {
		return fmt.Errorf("%d x %d pixels are more than %d", size.Width, size.Height, pixelLimit)
	}
	return nil
}

// wholePNG looks whether a PNG is there to its end and undamaged: by the lengths and checksums of its
// chunks (PNG specification, section 5.3). That finds what was cut off or damaged on its way as surely as decoding
// every pixel does, and much cheaper. Whether its maker has put good pixels into sound chunks it does not see.
func wholePNG(data []byte) (size image.Config, err error) {
	const head, tail = 8, 4 // length and type before a chunk's data, its CRC after
	if !bytes.HasPrefix(data, []byte(pngSignature)) {
		return size, errors.New("no PNG signature")
	}
	pixels := false
	for rest := data[len(pngSignature):]; ; {
		if len(rest) < head+tail {
			return size, errors.New("the PNG ends within a chunk")
		}
		length := binary.BigEndian.Uint32(rest)
		if uint64(length) > uint64(len(rest)-head-tail) { // before it is an int, which may have 32 bits
			return size, errors.New("the PNG ends within a chunk")
		}
		n := int(length)
		kind := string(rest[4:head])
		if crc32.ChecksumIEEE(rest[4:head+n]) != binary.BigEndian.Uint32(rest[head+n:]) {
			return size, fmt.Errorf("the PNG's chunk %q is damaged", kind)
		}
		switch {
		case kind == "IHDR":
			size, err = pngSize(rest[head : head+n])
		case size.Width == 0:
			err = fmt.Errorf("the PNG begins with a chunk %q instead of its header", kind)
		case kind == "IDAT":
			pixels = pixels || n > 0
		case kind == "IEND" && !pixels:
			err = errors.New("the PNG has no pixels")
		}
		if err != nil || kind == "IEND" {
			return size, err
		}
		rest = rest[head+n+tail:]
	}
}

// pngSize reads the size from a header chunk (PNG specification, section 11.2.2).
func pngSize(header []byte) (image.Config, error) {
	if len(header) != 13 {
		return image.Config{}, fmt.Errorf("the PNG's header has %d bytes instead of 13", len(header))
	}
	width, height := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[4:])
	if min(width, height) == 0 || max(width, height) > math.MaxInt32 {
		return image.Config{}, fmt.Errorf("a PNG of %d x %d pixels cannot be", width, height)
	}
	return image.Config{Width: int(width), Height: int(height)}, nil
}
