package apisink

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	_ "image/gif"  // formats that a result may have
	_ "image/jpeg" // "
	_ "image/png"  // "
	"net/http"
	"slices"
	"strings"
)

const (
	maxBody   = 64 << 20 // the largest result that is taken, in bytes
	maxPixels = 100_000_000
	maxKept   = 1 << 20 // of a buffer that is used again
)

// readBody reads the result to its end and gives the status to refuse it with, 0 when it is whole.
func (s *Sink) readBody(w http.ResponseWriter, r *http.Request, job string) int {
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
	case !whole(buf.Bytes()) || !of(buf.Bytes(), job):
		return http.StatusUnprocessableEntity
	}
	return 0
}

// whole tells whether a result is an image that decodes to its last pixel, or a JSON object that says of no error and
// whose images, if it has some as an AI process answers them, are whole. Of image formats that the standard library does
// not decode, only the beginning is looked at.
func whole(body []byte) bool {
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		var object struct {
			Error  any `json:"error"`
			Images any `json:"images"`
		}
		if json.Unmarshal(body, &object) != nil || object.Error != nil && object.Error != "" && object.Error != false {
			return false
		}
		images, _ := object.Images.([]any)
		return !slices.ContainsFunc(images, func(one any) bool { return !isWhole(one) })
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

// isWhole tells whether what a JSON object has for an image is one in base64, or something else that is not looked into.
func isWhole(one any) bool {
	text, is := one.(string)
	if !is {
		return true
	}
	data, err := base64.StdEncoding.DecodeString(text)
	return err == nil && whole(data)
}

// of tells whether a result is the job's that it is reported for, or does not say whose it is. The fake AI process
// writes that at the end of the PNG's parameters, if it was told (aiworker.RequestID).
func of(body []byte, job string) bool {
	const begin, says = "tEXtparameters\x00", "\nX-Request-Id: "
	at := bytes.Index(body, []byte(begin))
	if at < 4 {
		return true
	}
	chunk := body[at+len("tEXt"):]
	if size := binary.BigEndian.Uint32(body[at-4:]); uint64(size) < uint64(len(chunk)) {
		chunk = chunk[:size]
	}
	label := bytes.LastIndex(chunk, []byte(says))
	if label < 0 {
		return true
	}
	whose := string(chunk[label+len(says):])
	return whose == "" || whose == job
}
