package sweep

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/history/track"
)

// answerLimit is how long a client waits for an answer.
const answerLimit = 10 * time.Second

// Load asks a server for one thing over and over.
type Load struct {
	URL     string        // that is asked for
	ID      string        // begins the X-Request-Id of each request
	Clients int           // each waits for its answer before it asks again
	Warm    time.Duration // of load before the window
	Window  time.Duration // in which answers are counted
}

// Measure loads the server and gives what it did in the window. Each request has a connection of its own: one
// that is kept would belong to one worker for ever, and workers would get unequal shares. An error means that ctx
// has ended; what went wrong with requests is counted.
func (l Load) Measure(ctx context.Context) (history.Pass, error) {
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       answerLimit,
	}
	from := time.Now().Add(l.Warm)
	t := &tally{pass: history.Pass{Window: l.Window, Clients: l.Clients}, from: from, to: from.Add(l.Window)}
	var wg sync.WaitGroup
	for c := range l.Clients {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && time.Now().Before(t.to); i++ {
				began := time.Now()
				status, err := ask(ctx, client, l.URL, fmt.Sprintf("%s-%d-%d", l.ID, c, i))
				t.add(began, time.Now(), status, err)
			}
		})
	}
	used := make(chan float64, 1)
	go func() { used <- cpuShare(ctx, t.from, t.to) }()
	wg.Wait()
	cpu := <-used
	if err := context.Cause(ctx); err != nil {
		return history.Pass{}, fmt.Errorf("load %s: %w", l.URL, err)
	}
	t.pass.CPU, t.pass.P50, t.pass.P99 = cpu, t.times.Quantile(0.5), t.times.Quantile(0.99)
	return t.pass, nil
}

// ask sends one request and reads its answer to the end.
func ask(ctx context.Context, client *http.Client, url, id string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("X-Request-Id", id)
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}

// tally counts what ended within the window.
type tally struct {
	from, to time.Time

	mu    sync.Mutex
	pass  history.Pass
	times track.Histogram
}

func (t *tally) add(began, ended time.Time, status int, err error) {
	if ended.Before(t.from) || !ended.Before(t.to) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.pass.None++
		t.why(err.Error())
	case status >= 400:
		t.pass.Bad++
		t.why(fmt.Sprintf("status %d", status))
	default:
		t.pass.Good++
		if ended.Before(t.from.Add(t.to.Sub(t.from) / 2)) {
			t.pass.First++
		}
		t.times.Add(ended.Sub(began))
	}
}

func (t *tally) why(text string) {
	if t.pass.Why == "" {
		t.pass.Why = text
	}
}

// cpuShare is the share of the machine's processors that this process uses between two times.
func cpuShare(ctx context.Context, from, to time.Time) float64 {
	until := func(at time.Time) (time.Duration, time.Time) {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		var r syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // it cannot fail for oneself
		return time.Duration(r.Utime.Nano() + r.Stime.Nano()), time.Now()
	}
	used, began := until(from)
	after, ended := until(to)
	return float64(after-used) / (float64(ended.Sub(began)) * float64(runtime.NumCPU()))
}

// Ceiling is how many requests a second the load can make of a server that does nothing, in the same process: what
// a server behind it cannot be seen to exceed.
func Ceiling(ctx context.Context, clients int) (int64, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("measure the load itself: %w", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // until it is closed
	}()
	defer func() {
		server.Close()
		<-ended
	}()
	const window = 500 * time.Millisecond
	pass, err := Load{URL: "http://" + listener.Addr().String(), ID: "ceiling", Clients: clients, Warm: window / 5, Window: window}.Measure(ctx)
	if err != nil {
		return 0, fmt.Errorf("measure the load itself: %w", err)
	}
	return int64(float64(pass.Good) / window.Seconds()), nil
}
