package apisink

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	_ "image/gif"  // formats that a result may have
	_ "image/jpeg" // "
	_ "image/png"  // "
	"net/http"
	"strings"
)

const (
	maxBody   = 64 << 20 // the largest result that is taken, in bytes
	maxPixels = 100_000_000
	maxKept   = 1 << 20 // of a buffer that is used again
)

// readBody reads the result to its end and gives the status to refuse it with, 0 when it is whole.
func (s *Sink) readBody(w http.ResponseWriter, r *http.Request) int {
	buf, ok := s.buffers.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	defer func() {
		if buf.Cap() <= maxKept {
			buf.Reset()
			s.buffers.Put(buf)
		}
	}()
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case err != nil: // the caller went in the middle
		return http.StatusBadRequest
	case buf.Len() == 0:
		return http.StatusBadRequest
	case !whole(buf.Bytes()):
		return http.StatusUnprocessableEntity
	}
	return 0
}

// whole tells whether a result is a JSON object or an image that decodes to its last pixel. Of image
// formats that the standard library does not decode, only the beginning is looked at.
func whole(body []byte) bool {
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return json.Valid(body)
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(body))
	if errors.Is(err, image.ErrFormat) {
		return strings.HasPrefix(http.DetectContentType(body), "image/")
	}
	if err != nil || size.Width > maxPixels/max(size.Height, 1) {
		return false
	}
	_, _, err = image.Decode(bytes.NewReader(body))
	return err == nil
}
