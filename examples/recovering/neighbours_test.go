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
	for n := range asPNG.Len() {
		require.Error(t, whole(asPNG.Bytes()[:n]), "cut after %d bytes", n)
		damaged := bytes.Clone(asPNG.Bytes())
		damaged[n] ^= 0x20
		require.Error(t, whole(damaged), "byte %d damaged", n)
	}
}
