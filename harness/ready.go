package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// readyPeriod is how often a starting target is asked.
const readyPeriod = 20 * time.Millisecond

// Ready implements fault.Target.
func (t *instance) Ready(ctx context.Context) error {
	p, started := t.current()
	if p == nil {
		return fmt.Errorf("%s was not started", t.name)
	}
	limit := started.entry.Ready.Limit
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(readyPeriod)
	defer tick.Stop()
	last := errors.New("it was not asked yet")
	for {
		select {
		case <-p.Done():
			<-p.Drained()
			return fmt.Errorf("%s ended before it was ready: %s: %s: see %s", t.name, p.Exit(), t.lastLine(), t.logs())
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready within %v: %w: %s: see %s", t.name, limit, last, t.lastLine(), t.logs())
		case <-tick.C:
		}
		if last = ask(ctx, started.what.Ready); last == nil {
			t.lab.record.Append(&history.Event{Kind: history.ProcReady, Who: t.name, N: int64(p.PID())})
			return nil
		}
	}
}

func (t *instance) logs() string { return filepath.Join(t.lab.config.Out, logFolder) }

// lastLine is what the instance printed last.
func (t *instance) lastLine() string {
	line, ok := t.lab.last.Load(t.name)
	if !ok {
		return "it printed nothing"
	}
	return fmt.Sprintf("it last printed %q", line)
}

// ask wants a 200 from url.
func ask(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s answered %s", url, resp.Status)
	}
	return nil
}
