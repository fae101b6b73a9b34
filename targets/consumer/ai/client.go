// Package ai talks to the AI process: the HTTP API of the AUTOMATIC1111 web UI, as far as a consumer
// needs it. Client is its central type. An answer counts only when it holds a whole image; what
// follows from a failure is not decided here.
package ai

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

const answerLimit = 64 << 20 // bytes of an answer at most

// ErrNoImage means that the AI process answered 200 with something that is not an image.
var ErrNoImage = errors.New("the answer holds no image")

// ErrNoAnswer means that no complete answer came: not reachable, cut off, or too late. Whether the AI
// process is down can be told with Ping.
var ErrNoAnswer = errors.New("the AI process did not answer")

// ErrUnsent means, beside ErrNoAnswer, that nothing of the request went out: the AI process never had it.
var ErrUnsent = errors.New("the request was not sent")

// StatusError is an answer with a status other than 200.
type StatusError struct {
	Status int
	Body   string // its beginning
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the AI process answered %d: %s", e.Status, e.Body)
}

// Client asks one AI process. The zero HTTP is http.DefaultClient.
type Client struct {
	URL     string
	Model   string        // asked for when the request names none; "": whatever is loaded
	Timeout time.Duration // of one Paint; 0: none
	PingFor time.Duration // limit of one Ping; 0: 5 s
	HTTP    *http.Client

	// Decode takes the image out of an answer with status 200. Nil: the function Decode.
	Decode func(answer []byte) (Image, error)
}

// Image is a finished picture, still encoded.
type Image struct {
	Data   []byte
	Format string // "png", "jpeg" or "gif"
}

// Paint has the AI process make an image. Request is the JSON body (prompt, steps, …), id goes along
// as X-Request-Id.
func (c *Client) Paint(ctx context.Context, id string, request []byte) (Image, error) {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	body, err := c.withModel(request)
	if err != nil {
		return Image{}, err
	}
	answer, err := c.ask(ctx, http.MethodPost, "/sdapi/v1/txt2img", id, body)
	if err != nil {
		return Image{}, err
	}
	if c.Decode != nil {
		return c.Decode(answer)
	}
	return Decode(answer)
}

// Ping asks whether the AI process answers at all.
func (c *Client) Ping(ctx context.Context) error {
	limit := c.PingFor
	if limit <= 0 {
		limit = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := c.ask(ctx, http.MethodGet, "/internal/ping", "", nil)
	return err
}

// ask makes one request and gives the whole answer. Without an id there is no body either.
func (c *Client) ask(ctx context.Context, method, path, id string, body []byte) ([]byte, error) {
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("build the request %s %s for the AI process: %w", method, path, err)
	}
	if id != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Request-Id", id)
	}
	res, err := client.Do(req)
	if err != nil && !sent.Load() {
		return nil, fmt.Errorf("%w: %w: %w", ErrNoAnswer, ErrUnsent, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, answerLimit+1))
	if err != nil {
		return nil, fmt.Errorf("%w to the end (status %d, %d bytes came): %w", ErrNoAnswer, res.StatusCode, len(answer), err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, &StatusError{Status: res.StatusCode, Body: start(answer)}
	}
	if len(answer) > answerLimit {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrNoImage, answerLimit)
	}
	return answer, nil
}

// withModel adds the default model unless the request has settings of its own.
func (c *Client) withModel(request []byte) ([]byte, error) {
	if c.Model == "" {
		return request, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(request, &fields); err != nil {
		return nil, fmt.Errorf("the request is not a JSON object: %w", err)
	}
	if _, ok := fields["override_settings"]; ok {
		return request, nil
	}
	model, err := json.Marshal(map[string]string{"sd_model_checkpoint": c.Model})
	if err != nil {
		return nil, fmt.Errorf("encode the model's name: %w", err)
	}
	fields["override_settings"] = model
	return json.Marshal(fields)
}

// Decode takes the first image out of an answer and looks whether it is one, to its end: a picture that
// was cut off must not be reported.
func Decode(answer []byte) (Image, error) {
	var parsed struct {
		Images []string `json:"images"`
	}
	if err := json.Unmarshal(answer, &parsed); err != nil {
		return Image{}, fmt.Errorf("%w: not JSON (%w): %s", ErrNoImage, err, start(answer))
	}
	if len(parsed.Images) == 0 {
		return Image{}, fmt.Errorf("%w: the list of images is empty", ErrNoImage)
	}
	text := parsed.Images[0]
	if i := strings.Index(text, ";base64,"); i >= 0 {
		text = text[i+len(";base64,"):] // some versions answer with a data URL
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Image{}, fmt.Errorf("%w: not base64: %w", ErrNoImage, err)
	}
	format, err := look(data)
	if err != nil {
		return Image{}, fmt.Errorf("%w: %d bytes that do not decode: %w", ErrNoImage, len(data), err)
	}
	return Image{Data: data, Format: format}, nil
}

func start(body []byte) string {
	const most = 200
	if len(body) > most {
		return string(body[:most]) + "…"
	}
	return string(body)
}
