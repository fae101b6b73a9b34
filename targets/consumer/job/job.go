// Package job does one job: decode the message, have the AI process paint, report the image, settle.
// Worker is its central type. The order is its point: a message is acked after its result is with the
// API server and never before, and each failure has one defined fate. How messages arrive, and when
// to consume at all, is decided elsewhere.
package job

import (
	"encoding/json"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Headers that the consumer writes to messages that it publishes again.
const (
	HeaderAttempts = "x-attempts" // attempts made so far
	HeaderReason   = "x-reason"   // why the last one failed
)

// ErrMalformed means that the message can never become a job.
var ErrMalformed = errors.New("malformed message")

// Job is one request for an image.
type Job struct {
	ID       string          // the message id; also the idempotency key of the report
	Request  json.RawMessage // as the AI process takes it
	Attempts int             // made before this one
}

// Decode makes a job of a message: it needs a message id and a JSON object with a prompt.
func Decode(m *amqp.Delivery) (Job, error) {
	j := Job{ID: m.MessageId, Request: m.Body, Attempts: attempts(m.Headers)}
	if j.ID == "" {
		return j, fmt.Errorf("%w: it has no message-id", ErrMalformed)
	}
	var body struct {
		Prompt *string `json:"prompt"`
	}
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return j, fmt.Errorf("%w: its body is not a JSON object with a prompt: %w", ErrMalformed, err)
	}
	if body.Prompt == nil || *body.Prompt == "" {
		return j, fmt.Errorf("%w: its body has no prompt", ErrMalformed)
	}
	return j, nil
}

// Sample is the job of a warm-up: as small as can be, from no message.
func Sample() Job {
	return Job{ID: "warm-up", Request: json.RawMessage(`{"prompt":"warm-up sample","steps":1,"width":64,"height":64}`)}
}

// attempts reads the count from the headers; whatever cannot be one counts as none.
func attempts(h amqp.Table) int {
	var n int64
	switch v := h[HeaderAttempts].(type) {
	case int64:
		n = v
	case int32:
		n = int64(v)
	case int16:
		n = int64(v)
	case int:
		n = int64(v)
	}
	return int(min(max(n, 0), 1<<30))
}
