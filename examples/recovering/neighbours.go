package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	_ "image/gif"  // formats that an answer may have, beside PNG
	_ "image/jpeg" // "
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// errNoAnswer means that no whole answer came.
var errNoAnswer = errors.New("no answer")

const answerLimit = 64 << 20 // bytes

// aiProcess paints.
type aiProcess struct {
	url  string
	http *http.Client
}

// paint gives an image that is whole. reached is false when the request never got there.
func (a aiProcess) paint(ctx context.Context, id string, request []byte) (picture []byte, reached bool, err error) {
	status, body, err := send(ctx, a.http, http.MethodPost, a.url+"/sdapi/v1/txt2img", request, map[string]string{
		"Content-Type": "application/json", "X-Request-Id": id,
	})
	if err != nil {
		op, ok := errors.AsType[*net.OpError](err)
		return nil, !ok || op.Op != "dial", fmt.Errorf("AI process: %w", err)
	}
	if status != http.StatusOK {
		return nil, true, fmt.Errorf("AI process: status %d: %.200s", status, body)
	}
	var answer struct {
		Images [][]byte `json:"images"` // base64
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Images) == 0 {
		return nil, true, fmt.Errorf("AI process: its answer holds no image: %.200s", body)
	}
	if err := whole(answer.Images[0]); err != nil {
		return nil, true, fmt.Errorf("AI process: what it gives for an image is none: %w", err)
	}
	return answer.Images[0], true, nil
}

// whole tells whether a picture is there to its end. Of a PNG the checksums say so, at a small part of
// what decoding its pixels costs; half of this program's CPU would go there. That its maker has put good pixels
// into it they do not say.
func whole(picture []byte) error {
	signature := []byte("\x89PNG\r\n\x1a\n")
	if !bytes.HasPrefix(picture, signature) {
		_, _, err := image.Decode(bytes.NewReader(picture))
		return err
	}
	for chunk := picture[len(signature):]; len(chunk) >= 12; { // length, type, data, checksum
		length := binary.BigEndian.Uint32(chunk)
		if uint64(length) > uint64(len(chunk)-12) { // before it is an int, which may have 32 bits
			break
		}
		n := int(length)
		body, sum := chunk[4:8+n], binary.BigEndian.Uint32(chunk[8+n:])
		if crc32.ChecksumIEEE(body) != sum {
			return errors.New("a checksum of the PNG is wrong")
		}
		if string(body[:4]) == "IEND" {
			return nil
		}
		chunk = chunk[12+n:]
	}
	return errors.New("the PNG ends too early")
}

func (a aiProcess) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	status, _, err := send(ctx, a.http, http.MethodGet, a.url+"/internal/ping", nil, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	return err
}

// apiServer takes the results.
type apiServer struct {
	url   string
	http  *http.Client
	limit time.Duration // for a report that is answered, and refused
}

// report tells the API server, again and again while it seems to be its own trouble: for as long as it does not
// answer at all, and within the limit when it does. A job that it always answers with 500 fails after that, which
// costs it an attempt. Sending it twice does no harm, as the key is the same.
func (a apiServer) report(ctx context.Context, id string, picture []byte) error {
	begin := time.Now()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		status, body, err := send(ctx, a.http, http.MethodPut, a.url+"/images/"+url.PathEscape(id), picture, map[string]string{
			"Content-Type": http.DetectContentType(picture), "Idempotency-Key": id,
		})
		switch {
		case err == nil && status/100 == 2:
			return nil
		case err == nil && status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests:
			return fmt.Errorf("API server: status %d: %.200s", status, body)
		case err == nil && time.Since(begin) >= a.limit:
			return fmt.Errorf("API server: for %v, and at last: status %d: %.200s", a.limit, status, body)
		case !pause(ctx, wait):
			return fmt.Errorf("API server: status %d: %w", status, errors.Join(err, ctx.Err()))
		}
	}
}

func send(ctx context.Context, client *http.Client, method, address string, body []byte, headers map[string]string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, answerLimit))
	if err != nil {
		return 0, nil, fmt.Errorf("%w to the end: %w", errNoAnswer, err)
	}
	return res.StatusCode, answer, nil
}
