// Package alert tells people, through a Slack-compatible webhook, that something is wrong and later
// that it is over. Desk is its central type: one alert an incident and one all-clear, however often the
// incident's failure repeats. Sending happens in the background, is retried, and never holds up work.
package alert

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// message is one alert or all-clear on its way.
type message struct {
	title, text string
	clear       bool
}

const backlog = 64 // messages waiting to be sent; more are dropped, and logged

// Desk keeps the open incidents. Its fields are set before first use; Run sends. Safe for many
// goroutines.
type Desk struct {
	URL  string // "": alerts are only logged
	From string // who is speaking: instance or host name
	HTTP *http.Client
	Log  *slog.Logger

	// Worth decides whether the nth failure of an open incident (from 1) is worth an alert. Default:
	// the first one is.
	Worth func(nth int) bool
	// OnSent is told of each message that was accepted or given up. Kind is "alert" or "all-clear".
	OnSent func(kind string, err error)
	// Tries is how often a message is sent at most. 0: 6.
	Tries int
	// Retry is the wait before the second try of a message; doubles. 0: 500 ms.
	Retry time.Duration

	mu    sync.Mutex
	open  map[string]int // failures by incident title
	queue chan message
}

// Raise notes a failure of the incident of that title, and alerts if it is worth one.
func (d *Desk) Raise(title, text string) {
	d.mu.Lock()
	if d.open == nil {
		d.open = make(map[string]int)
	}
	d.open[title]++
	nth := d.open[title]
	d.mu.Unlock()
	d.log().Error("incident", "title", title, "failure", nth, "error", text)
	if d.worth(nth) {
		d.post(message{title: title, text: text})
	}
}

// Clear ends the incident of that title, with an all-clear. It does nothing when none is open.
func (d *Desk) Clear(title, text string) {
	d.mu.Lock()
	failures := d.open[title]
	delete(d.open, title)
	d.mu.Unlock()
	if failures == 0 {
		return
	}
	d.log().Info("incident over", "title", title, "failures", failures)
	d.post(message{title: title, text: text, clear: true})
}

// Open lists the titles of the incidents that are not over.
func (d *Desk) Open() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	titles := make([]string, 0, len(d.open))
	for title := range d.open {
		titles = append(titles, title)
	}
	return titles
}

func (d *Desk) worth(nth int) bool {
	if d.Worth == nil {
		return nth == 1
	}
	return d.Worth(nth)
}

func (d *Desk) post(m message) {
	select {
	case d.waiting() <- m:
	default:
		d.log().Error("alert dropped: too many are waiting to be sent", "title", m.title)
	}
}

func (d *Desk) waiting() chan message {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue == nil {
		d.queue = make(chan message, backlog)
	}
	return d.queue
}

// Run sends until ctx ends, and then for last at most, so that what was said at the end gets out.
func (d *Desk) Run(ctx context.Context, last time.Duration) {
	queue := d.waiting()
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(last, stop) })
	for {
		select {
		case m := <-queue:
			d.send(sending, m)
			continue
		default:
		}
		select {
		case m := <-queue:
			d.send(sending, m)
		case <-ctx.Done():
			if len(queue) == 0 {
				return
			}
		}
	}
}

func (d *Desk) log() *slog.Logger {
	if d.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Log
}
