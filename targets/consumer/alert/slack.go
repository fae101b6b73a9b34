package alert

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

const (
	tries     = 6
	sendLimit = 5 * time.Second
	jitter    = 0.25

	longestWait = 10 * time.Minute // whatever the webhook asks for
)

// payload is what an incoming webhook takes.
type payload struct {
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Color string `json:"color"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

func (d *Desk) send(ctx context.Context, m message) {
	kind := "alert"
	if m.clear {
		kind = "all-clear"
	}
	var err error
	if d.URL != "" {
		err = d.deliver(ctx, m)
	}
	if err != nil {
		d.log().Error("not delivered", "kind", kind, "title", m.title, "error", err)
	}
	if d.OnSent != nil {
		d.OnSent(kind, err)
	}
}

func (d *Desk) deliver(ctx context.Context, m message) error {
	body, err := json.Marshal(d.payload(m))
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	wait := d.Retry
	if wait <= 0 {
		wait = 500 * time.Millisecond
	}
	policy := retrypolicy.NewBuilder[any]().
		WithMaxAttempts(cmp.Or(d.Tries, tries)).
		WithBackoff(wait, 20*wait).
		WithJitterFactor(jitter).
		WithDelayFunc(asked).
		ReturnLastFailure().
		Build()
	return failsafe.With(policy).WithContext(ctx).Run(func() error { return d.once(ctx, body) })
}

// limited means that the webhook takes the message later.
type limited struct{ after time.Duration }

func (e *limited) Error() string { return fmt.Sprintf("the webhook wants us to wait for %v", e.after) }

// asked is the wait that the webhook asks for, drawn out so that jitter does not undercut it; -1 when it
// asks for none.
func asked(a failsafe.ExecutionAttempt[any]) time.Duration {
	e, ok := errors.AsType[*limited](a.LastError())
	if !ok {
		return -1
	}
	return time.Duration(float64(min(e.after, longestWait)) / (1 - jitter))
}

func (d *Desk) payload(m message) payload {
	color, lead := "danger", "Alert"
	if m.clear {
		color, lead = "good", "All clear"
	}
	text := lead + ": " + m.title
	if d.From != "" {
		text += " (" + d.From + ")"
	}
	return payload{Text: text, Attachments: []attachment{{Color: color, Title: m.title, Text: m.text}}}
}

// once posts one time. The webhook's URL is a secret and appears in no error.
func (d *Desk) once(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("build the request to the webhook: %w", withoutURL(err))
	}
	req.Header.Set("Content-Type", "application/json")
	client := d.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("post to the webhook: %w", withoutURL(err))
	}
	defer func() { _ = res.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // only for the error's text
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 && res.StatusCode == http.StatusTooManyRequests {
		return &limited{time.Duration(seconds) * time.Second}
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook answered %d: %s", res.StatusCode, answer)
	}
	return nil
}

func withoutURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}
