// Package report tells the API server about finished images. Client is its central type: a report
// carries the message id as its idempotency key, so that it can be sent again whenever it is not
// certain to have arrived, and is repeated here as long as the API server seems to be the trouble.
package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// ErrDown means that the API server took no report at all, of any job, for as long as one was tried, nor since
// the same one failed before: that is no fault of the job.
var ErrDown = errors.New("the API server takes no reports")

// StatusError is an answer that is not a success.
type StatusError struct {
	Status int
	Body   string // its beginning
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the API server answered %d: %s", e.Status, e.Body)
}

// passing tells whether the same report may be accepted later.
func (e *StatusError) passing() bool {
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
}

// Client reports to one API server. The zero HTTP is http.DefaultClient.
type Client struct {
	URL     string
	Timeout time.Duration // of one request; 0: 10 s
	Limit   time.Duration // for all requests of one report; 0: only one request
	HTTP    *http.Client

	account account
}

// Put reports the image of a job under an idempotency key. When ctx ends in the middle it is unknown
// whether the report counted.
func (c *Client) Put(ctx context.Context, id, key, contentType string, image []byte) error {
	before := c.account.begin(id)
	err := c.repeated(ctx, func() error { return c.put(ctx, id, key, contentType, image) })
	if err == nil {
		c.account.took(id)
		return nil
	}
	if others := c.account.refused(id, before); !others && !permanent(err) {
		return fmt.Errorf("report image %s: %w: %w", id, ErrDown, err)
	}
	return fmt.Errorf("report image %s: %w", id, err)
}

// repeated sends until it works, or there is no hope or time left, and gives what came of the last try.
// Nearly always the first one does, so a policy is made only when it did not.
func (c *Client) repeated(ctx context.Context, send func() error) error {
	begin := time.Now()
	first := send()
	if first == nil {
		return nil
	}
	policy := retrypolicy.NewBuilder[any]().
		WithMaxRetries(-1).
		WithMaxDuration(max(c.Limit-time.Since(begin), time.Nanosecond)).
		WithBackoff(100*time.Millisecond, 2*time.Second).
		WithJitterFactor(0.25).
		AbortIf(func(_ any, err error) bool { return permanent(err) || ctx.Err() != nil }).
		ReturnLastFailure().
		Build()
	last, tried := first, false
	_ = failsafe.With(policy).WithContext(ctx).Run(func() error {
		if tried {
			last = send()
		}
		tried = true // the first try of the policy was made before
		return last
	})
	return last // not what Run gives: that is ctx's error also when the last try did work
}

func (c *Client) put(ctx context.Context, id, key, contentType string, image []byte) error {
	limit := c.Timeout
	if limit <= 0 {
		limit = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	target := strings.TrimRight(c.URL, "/") + "/images/" + url.PathEscape(id)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, target, bytes.NewReader(image))
	if err != nil {
		return fmt.Errorf("build the request: %w", err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("X-Request-Id", id)
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	// Once the status is here the answer is known; the rest is read only so that the TCP connection
	// can be used again.
	body, _ := io.ReadAll(io.LimitReader(res.Body, 200))
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return &StatusError{Status: res.StatusCode, Body: string(body)}
	}
	return nil
}

func permanent(err error) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && !status.passing()
}
