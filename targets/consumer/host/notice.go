package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Notice says that this spot instance will be taken away.
type Notice struct {
	Action string    // "terminate", "stop" or "hibernate": this process ends in each of them
	Time   time.Time // when
}

// ErrNoNotice means that something was answered that is no notice; it must never be taken for one.
var ErrNoNotice = errors.New("the instance metadata answered what is no notice")

const tokenTTL = 6 * time.Hour // as long as the service allows

// Notices asks the instance metadata service (version 2) for a notice. It keeps its session. One
// goroutine at a time may use it.
type Notices struct {
	Metadata string       // base URL of the service
	HTTP     *http.Client // nil: one that asks past every proxy

	token string
	until time.Time // of the token
}

// Ask gives the notice, or nil when there is none. An error means that it is not known.
func (n *Notices) Ask(ctx context.Context) (*Notice, error) {
	ctx, cancel := context.WithTimeout(ctx, metadataLimit)
	defer cancel()
	if n.token == "" || !time.Now().Before(n.until) {
		asked := time.Now()
		status, token, err := ask(ctx, n.HTTP, n.Metadata, http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", fmt.Sprint(int(tokenTTL.Seconds())))
		if err != nil {
			return nil, err
		}
		if status != http.StatusOK || token == "" || strings.ContainsAny(token, " \t\r\n<") {
			return nil, fmt.Errorf("%w: a token, status %d: %.100q", ErrNoNotice, status, token)
		}
		n.token, n.until = token, asked.Add(tokenTTL-time.Minute)
	}
	status, body, err := ask(ctx, n.HTTP, n.Metadata, http.MethodGet, "/latest/meta-data/spot/instance-action", "X-aws-ec2-metadata-token", n.token)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound:
		return nil, nil
	case status == http.StatusUnauthorized:
		n.token = "" // the next time with a new one
	case status == http.StatusOK:
		return decodeNotice(body)
	}
	return nil, fmt.Errorf("%w: status %d: %.100q", ErrNoNotice, status, body)
}

func decodeNotice(body string) (*Notice, error) {
	var notice struct {
		Action string    `json:"action"`
		Time   time.Time `json:"time"`
	}
	if err := json.Unmarshal([]byte(body), &notice); err != nil {
		return nil, fmt.Errorf("%w: %w: %.100q", ErrNoNotice, err, body)
	}
	if !slices.Contains([]string{"terminate", "stop", "hibernate"}, notice.Action) || notice.Time.IsZero() {
		return nil, fmt.Errorf("%w: %.100q", ErrNoNotice, body)
	}
	return &Notice{Action: notice.Action, Time: notice.Time}, nil
}
