package aiworker

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
)

// picture is a small PNG, made once.
type picture struct{ head, tail []byte }

// newPicture paints it. The cut for labels is behind the header chunk: 8 bytes of signature, then
// length, name, 13 bytes of data and checksum.
func newPicture() (*picture, error) {
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for y := range 16 {
		for x := range 16 {
			img.Set(x, y, color.RGBA{R: uint8(16 * x), G: uint8(16 * y), B: 128, A: 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, err
	}
	const header = 8 + 4 + 4 + 13 + 4
	return &picture{head: b.Bytes()[:header], tail: b.Bytes()[header:]}, nil
}

// labelled gives the PNG with a text chunk "parameters", where the web UI puts what an image was
// made from; so each job's image can be told from any other's.
func (p *picture) labelled(text string) []byte {
	data := append([]byte("tEXtparameters\x00"), text...)
	out := make([]byte, 0, len(p.head)+len(data)+8+len(p.tail))
	out = append(out, p.head...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)-4))
	out = append(out, data...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(data))
	return append(out, p.tail...)
}
