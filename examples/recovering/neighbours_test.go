package main

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// answers gives these statuses, one a request; 0 is no answer, and the last one repeats.
type answers []int

func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	status := (*a)[0]
	if len(*a) > 1 {
		*a = (*a)[1:]
	}
	if status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("x"))}, nil
}

func TestReport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers answers
		takes   time.Duration // at least
		says    string
	}{
		"taken":            {answers{201}, 0, ""},
		"in the end":       {answers{503, 429, 0, 200}, 700 * time.Millisecond, ""},
		"refused for good": {answers{422}, 0, "status 422"},
		"always 500":       {answers{500}, time.Minute, "status 500"},
		"away for long":    {append(make(answers, 100), 200), 3 * time.Minute, ""}, // 0 a hundred times
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				begin := time.Now()
				err := apiServer{"http://api", &http.Client{Transport: &c.answers}, time.Minute}.report(ctx, "m1", []byte("x"))
				require.GreaterOrEqual(t, time.Since(begin), c.takes)
				if c.says == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, c.says)
				require.NoError(t, ctx.Err(), "it does not try for ever")
			})
		})
	}
}
