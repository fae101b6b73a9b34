package ai

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func smallPNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16))))
	return b.Bytes()
}

func damage(data []byte) error {
	_, err := wholePNG(data)
	return err
}

func TestWholePNG(t *testing.T) {
	t.Parallel()
	whole := smallPNG(t)
	require.NoError(t, damage(whole))
	for n := range whole {
		require.Error(t, damage(whole[:n]), "cut after %d of %d bytes", n, len(whole))
		damaged := bytes.Clone(whole)
		damaged[n] ^= 0x20
		require.Error(t, damage(damaged), "byte %d damaged", n)
	}
	iend := whole[len(whole)-12:]
	require.ErrorContains(t, damage(append(bytes.Clone(whole[:33]), iend...)), "no pixels")
}

func TestLook(t *testing.T) {
	t.Parallel()
	small := image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.Black, color.White})
	jpg, gifs := new(bytes.Buffer), new(bytes.Buffer)
	require.NoError(t, jpeg.Encode(jpg, small, nil))
	require.NoError(t, gif.Encode(gifs, small, nil))
	for format, whole := range map[string][]byte{"png": smallPNG(t), "jpeg": jpg.Bytes(), "gif": gifs.Bytes()} {
		got, err := look(whole)
		require.NoError(t, err, format)
		require.Equal(t, format, got)
		_, err = look(whole[:len(whole)/2])
		require.Error(t, err, format)
	}
	for why, header := range map[string]string{
		"cannot be":        "\x00\x00\x00\x00\x00\x00\x00\x10\x08\x00\x00\x00\x00",
		"are more than":    "\x00\x01\x00\x00\x00\x01\x00\x00\x08\x00\x00\x00\x00",
		"instead of 13":    "\x00\x00\x00\x10\x00\x00\x00\x10\x08",
		"2147483648 x 16 ": "\x80\x00\x00\x00\x00\x00\x00\x10\x08\x00\x00\x00\x00",
	} {
		_, err := look(slices.Concat([]byte(pngSignature), chunk("IHDR", header), chunk("IDAT", "x"), chunk("IEND", "")))
		require.ErrorContains(t, err, why)
	}
	_, err := look(slices.Concat([]byte(pngSignature), chunk("IDAT", "x"), chunk("IEND", "")))
	require.ErrorContains(t, err, "instead of its header")
}

func chunk(kind, data string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(b, kind+data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// A length of more than the standard allows is none, and as an int of 32 bits it would be negative.
func TestWholePNGRefusesAnImpossibleLength(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"\x80\x00\x00\x00", "\xff\xff\xff\xf0", "\xff\xff\xff\xff"} {
		data := smallPNG(t)
		copy(data[8:], n)
		require.ErrorContains(t, damage(data), "ends within a chunk", "%x", n)
	}
}

// FuzzWholePNG holds that the decoder of the standard library never reads a picture that wholePNG
// finds damaged: it would be a good one that is refused.
func FuzzWholePNG(f *testing.F) {
	whole := smallPNG(f)
	f.Add(whole)
	f.Add(whole[:40])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		size, err := wholePNG(data)
		if img, decoded := png.Decode(bytes.NewReader(data)); decoded == nil {
			require.NoError(t, err)
			require.Equal(t, img.Bounds().Size(), image.Pt(size.Width, size.Height))
		}
	})
}
