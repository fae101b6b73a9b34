package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
)

// Reader gives back the events of a file. It is for one goroutine.
type Reader struct {
	src    io.ReaderAt
	size   int64
	minor  uint16
	torn   *Torn
	closer io.Closer
}

// Open opens a history and checks its magic and version. Errors wrap ErrNotHistory or ErrVersion, or
// are the operating system's. A file that ends inside its header is a torn history without events.
func Open(path string) (*Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open history: %w", err), file.Close())
	}
	r, err := NewReader(file, info.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open history %s: %w", path, err), file.Close())
	}
	r.closer = file
	return r, nil
}

// NewReader reads a history of size bytes from src, with the errors of Open.
func NewReader(src io.ReaderAt, size int64) (*Reader, error) {
	head := make([]byte, min(size, fileHeader))
	if _, err := src.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	r := &Reader{src: src, size: size}
	if !bytes.HasPrefix([]byte(magic), head[:min(len(head), len(magic))]) {
		return nil, fmt.Errorf("%w: it begins with %q, wanted %q", ErrNotHistory, head[:min(len(head), len(magic))], magic)
	}
	if len(head) < fileHeader {
		r.torn = &Torn{Offset: 0, Bytes: size}
		return r, nil
	}
	if crc32.Checksum(head[:12], castagnoli) != binary.LittleEndian.Uint32(head[12:]) {
		return nil, &Corrupt{Offset: 0, Reason: "the header's checksum is wrong"}
	}
	if v := binary.LittleEndian.Uint16(head[8:]); v != major {
		return nil, fmt.Errorf("%w: format %d, and this one reads format %d", ErrVersion, v, major)
	}
	r.minor = binary.LittleEndian.Uint16(head[10:])
	return r, nil
}

// Close closes the file.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// Torn tells, once All has come to its end, what was dropped there; nil when nothing was.
func (r *Reader) Torn() *Torn { return r.torn }

// All gives the events in order; each call begins again at the first. An *Event is valid until the
// next one; its strings may be kept. An unfinished block at the end is dropped, see Torn. Damage
// elsewhere ends the sequence with a *Corrupt, an event kind of a newer version with ErrVersion.
func (r *Reader) All() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		if r.size < fileHeader {
			return
		}
		r.torn = nil
		d := decoder{newer: r.minor > minor}
		var e Event
		var block []byte
		for offset := int64(fileHeader); offset < r.size; {
			var err error
			block, err = r.block(offset, block)
			if err != nil {
				yield(nil, err)
				return
			}
			if r.torn != nil {
				return
			}
			if !r.events(&d, &e, offset, block, yield) {
				return
			}
			offset += blockHeader + int64(len(block))
		}
	}
}

// events yields one block's events and tells whether to go on.
func (r *Reader) events(d *decoder, e *Event, offset int64, block []byte, yield func(*Event, error) bool) bool {
	if bad := d.begin(block); bad != "" {
		yield(nil, &Corrupt{Offset: offset, Reason: bad})
		return false
	}
	for d.more() {
		if err := d.event(e); err != nil {
			yield(nil, r.locate(err, offset))
			return false
		}
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

func (r *Reader) locate(err error, offset int64) error {
	if c, ok := errors.AsType[*Corrupt](err); ok {
		c.Offset = offset
		return c
	}
	return fmt.Errorf("in the block at byte %d (file format %d.%d): %w", offset, major, r.minor, err)
}

// block reads the payload of the block at offset into buf. It sets torn when the block is unfinished.
func (r *Reader) block(offset int64, buf []byte) ([]byte, error) {
	left := r.size - offset
	if left < blockHeader {
		r.torn = &Torn{Offset: offset, Bytes: left}
		return nil, nil
	}
	var head [blockHeader]byte
	if err := r.readAt(head[:], offset); err != nil {
		return nil, err
	}
	if crc32.Checksum(head[:8], castagnoli) != binary.LittleEndian.Uint32(head[8:]) {
		return nil, r.badHeader(offset, left)
	}
	size := int64(binary.LittleEndian.Uint32(head[0:]))
	if size == 0 || size > maxPayload {
		return nil, &Corrupt{Offset: offset, Reason: fmt.Sprintf("block of %d bytes", size)}
	}
	if left < blockHeader+size {
		r.torn = &Torn{Offset: offset, Bytes: left}
		return nil, nil
	}
	if int64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	if err := r.readAt(buf, offset+blockHeader); err != nil {
		return nil, err
	}
	if crc32.Checksum(buf, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, &Corrupt{Offset: offset, Reason: "the block's checksum is wrong"}
	}
	return buf, nil
}

// badHeader tells damage from a tail of zeros, which is what a file system may leave of a write that
// a power cut interrupted.
func (r *Reader) badHeader(offset, left int64) error {
	zeros := true
	buf := make([]byte, 64<<10)
	for at := offset; at < r.size && zeros; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), r.size-at)]
		if err := r.readAt(buf, at); err != nil {
			return err
		}
		zeros = len(bytes.TrimLeft(buf, "\x00")) == 0
	}
	if !zeros {
		return &Corrupt{Offset: offset, Reason: "the block header's checksum is wrong"}
	}
	r.torn = &Torn{Offset: offset, Bytes: left}
	return nil
}

func (r *Reader) readAt(b []byte, offset int64) error {
	if _, err := r.src.ReadAt(b, offset); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read history at byte %d: %w", offset, err)
	}
	return nil
}
