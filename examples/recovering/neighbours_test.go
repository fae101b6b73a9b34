package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhole(t *testing.T) {
	t.Parallel()
	picture := image.NewGray(image.Rect(0, 0, 16, 16))
	var asPNG, asJPEG bytes.Buffer
	require.NoError(t, png.Encode(&asPNG, picture))
	require.NoError(t, jpeg.Encode(&asJPEG, picture, nil))
	require.NoError(t, whole(asPNG.Bytes()))
	require.NoError(t, whole(asJPEG.Bytes()))
	require.Error(t, whole(asJPEG.Bytes()[:asJPEG.Len()/2]))
	for _, length := range []string{"\x80\x00\x00\x00", "\xff\xff\xff\xf0", "\xff\xff\xff\xff"} { // negative as an int of 32 bits
		impossible := bytes.Clone(asPNG.Bytes())
		copy(impossible[8:], length)
		require.ErrorContains(t, whole(impossible), "ends too early", "%x", length)
	}
	for n := range asPNG.Len() {
		require.Error(t, whole(asPNG.Bytes()[:n]), "cut after %d bytes", n)
		damaged := bytes.Clone(asPNG.Bytes())
		damaged[n] ^= 0x20
		require.Error(t, whole(damaged), "byte %d damaged", n)
	}
}
