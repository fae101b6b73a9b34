package fault

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var spikeKind = Kind{
	Name: "spike",
	Args: []string{"rate"},
	Of:   Requests,
	Doc:  "sends so many requests a second beside those of the load",
	Does: `Sends GET requests evenly for a time, open model: each when it is due, whatever became of those before, on as many
connections as that takes. Nobody comes again who was turned away. In effect once it has offered what it should in its
first second (or its whole time, if that is shorter), 95 % at least; spent when its time is over; healed, no more are
sent, and those that wait go on waiting, 10 s each at most. Gone once all of them have an answer, and a request of the load's
has a good one.`,
	Correct: `Turns away, with a time to come again, what is more than it can do, and does the rest as fast as ever; turns
nobody away as soon as it is over.`,
	New: func() Fault { return &Spike{Path: "/", For: script.Duration(2 * time.Second)} },
}

// Spike sends requests beside those of the load.
type Spike struct {
	Rate int             `json:"rate" doc:"requests a second, 1 to 20000"`
	For  script.Duration `json:"for" doc:"how long, 100ms to 1m; default 2s"`
	Path string          `json:"path" doc:"default /"`
}

// The limits of a spike.
const (
	maxSpike     = 20_000
	spikeStep    = 5 * time.Millisecond // what is due is sent so often
	spikeShare   = 0.95                 // of its rate, or the machine is too busy to offer it
	spikePatient = 10 * time.Second     // how long one of its users waits
)

// Inject implements Fault.
func (f *Spike) Inject(ctx context.Context, lab Lab) (Injected, error) {
	length := time.Duration(f.For)
	switch {
	case f.Rate < 1 || f.Rate > maxSpike:
		return Injected{}, fmt.Errorf("rate: %d, want 1 to %d", f.Rate, maxSpike)
	case length < 100*time.Millisecond || length > time.Minute:
		return Injected{}, fmt.Errorf("for: %v, want 100ms to 1m", length)
	case !strings.HasPrefix(f.Path, "/"):
		return Injected{}, fmt.Errorf("path: %q, want one that begins with /", f.Path)
	}
	c := &crowd{lab: lab, url: lab.URL() + f.Path, path: f.Path, sent: make(chan struct{})}
	c.client = &http.Client{Timeout: spikePatient, Transport: &http.Transport{MaxIdleConnsPerHost: maxSpike, DisableCompression: true}}
	sending, stop := context.WithCancel(ctx)
	began := time.Now()
	go c.come(ctx, sending, f.Rate, length)
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			return c.offers(ctx, began, f.Rate, min(length, time.Second))
		},
		Spent: func(ctx context.Context) error { return closed(ctx, c.sent) },
		Heal: func(ctx context.Context) error {
			stop()
			return closed(ctx, c.sent)
		},
		Gone: c.gone,
	}, nil
}

// crowd is the users of a spike.
type crowd struct {
	lab       Lab
	url, path string
	client    *http.Client
	offered   atomic.Int64
	users     sync.WaitGroup
	sent      chan struct{} // closed when no more of them come
}

// come lets users come evenly, until sending is over or length has passed. run is the run's context.
func (c *crowd) come(run, sending context.Context, rate int, length time.Duration) {
	defer close(c.sent)
	tick := time.NewTicker(spikeStep)
	defer tick.Stop()
	for began := time.Now(); ; {
		passed := min(time.Since(began), length)
		for due := int64(passed.Seconds() * float64(rate)); c.offered.Load() < due && sending.Err() == nil; {
			id, err := c.lab.AskExtra(http.MethodGet, c.path)
			if err != nil {
				return // the run's own end says why
			}
			c.offered.Add(1)
			c.users.Go(func() { c.ask(run, id) })
		}
		if passed == length {
			return
		}
		select {
		case <-tick.C:
		case <-sending.Done():
			return
		}
	}
}

// ask sends one request, and records what came of it unless the run ended before.
func (c *crowd) ask(ctx context.Context, id history.MsgID) {
	e := history.Event{Kind: history.Answer, Msg: id}
	began := time.Now()
	res, err := c.get(ctx, id)
	if err != nil {
		if ctx.Err() != nil {
			return
		}
		e.Text = err.Error()
	} else {
		e.Code, e.Who, e.Text = int32(res.StatusCode), res.Header.Get(upstream.VersionHeader), res.Header.Get(upstream.BackendHeader)
		switch {
		case res.StatusCode < 400:
			e.Flags = history.Good
		case Later(res.StatusCode, res.Header.Get("Retry-After")):
			e.Flags = history.Later
		}
	}
	e.N = time.Since(began).Microseconds()
	c.lab.Record(&e)
}

// get gives an answer that was read to its end.
func (c *crowd) get(ctx context.Context, id history.MsgID) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set(upstream.RequestID, id.String())
	res, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return res, nil
}

// offers waits until the first stretch is over, and wants as many to have come as should.
func (c *crowd) offers(ctx context.Context, began time.Time, rate int, stretch time.Duration) (string, error) {
	want := int64(spikeShare * float64(rate) * stretch.Seconds())
	late := time.NewTimer(time.Until(began.Add(stretch + spikeStep)))
	defer late.Stop()
	select {
	case <-late.C:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	n := c.offered.Load()
	if n < want {
		return "", fmt.Errorf("only %d requests were offered in %v, wanted %d: the machine is too busy, or the rate too high", n, stretch, want)
	}
	return fmt.Sprintf("%d requests were offered in the first %v, beside the load's", n, stretch), nil
}

// gone waits until all have their answers, and then for a good one to a request.
func (c *crowd) gone(ctx context.Context) (string, error) {
	done := make(chan struct{})
	go func() { c.users.Wait(); close(done) }()
	if err := closed(ctx, done); err != nil {
		return "", fmt.Errorf("waiting until the last of %d requests has its answer: %w", c.offered.Load(), err)
	}
	c.client.CloseIdleConnections()
	good := c.lab.Watch(func(e *history.Event) bool { return e.Kind == history.Answer && e.Flags.Has(history.Good) })
	defer good.Close()
	e, err := good.Next(ctx)
	if err != nil {
		return "", fmt.Errorf("waiting until a request of the load's has a good answer: %w", err)
	}
	return fmt.Sprintf("%s was answered with %d", e.Msg, e.Code), nil
}

// Later tells whether an answer turns a request away with a time to come again: 429 or 503 with a Retry-After of a
// second or more, or of a date (RFC 9110, section 10.2.3; RFC 6585, section 4).
func Later(status int, retryAfter string) bool {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return false
	}
	if seconds, err := strconv.ParseUint(retryAfter, 10, 32); err == nil {
		return seconds > 0
	}
	_, err := http.ParseTime(retryAfter)
	return err == nil
}
