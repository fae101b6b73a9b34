package ai

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

func smallPNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16))))
	return b.Bytes()
}

func TestWholePNG(t *testing.T) {
	t.Parallel()
	whole := smallPNG(t)
	require.NoError(t, wholePNG(whole))
	for n := range whole {
		require.Error(t, wholePNG(whole[:n]), "cut after %d of %d bytes", n, len(whole))
		damaged := bytes.Clone(whole)
		damaged[n] ^= 0x20
		require.Error(t, wholePNG(damaged), "byte %d damaged", n)
	}
	iend := whole[len(whole)-12:]
	require.ErrorContains(t, wholePNG(append(bytes.Clone(whole[:33]), iend...)), "no pixels")
}

// A length of more than the standard allows is none, and as an int of 32 bits it would be negative.
func TestWholePNGRefusesAnImpossibleLength(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"\x80\x00\x00\x00", "\xff\xff\xff\xf0", "\xff\xff\xff\xff"} {
		data := smallPNG(t)
		copy(data[8:], n)
		require.ErrorContains(t, wholePNG(data), "ends within a chunk", "%x", n)
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
		err := wholePNG(data)
		if _, decoded := png.Decode(bytes.NewReader(data)); decoded == nil {
			require.NoError(t, err)
		}
	})
}
