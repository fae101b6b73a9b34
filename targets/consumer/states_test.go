package consumer_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/settings"
)

// world is all that the consumer sees, made of plain values, so that days pass in no time.
type world struct {
	mu        sync.Mutex
	swap      host.Level
	ai        string // "up", "down", "failing"
	restart   string // what the restart hook does: "cure", "lie" or an odd end
	terminate string // "accept", "refuse" or "hang"

	consuming bool
	lastSwap  host.Level
	checked   bool
	heals     []int // restart calls of each Heal
	posted    []string
	wrong     []string // what must never be the case and was
}

// step is one change of the world.
type step struct {
	after time.Duration
	what  string
}

func (w *world) change(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	part, value, _ := strings.Cut(what, " ")
	switch part {
	case "swap":
		w.swap = map[string]host.Level{"unset": host.Unset, "enough": host.Enough, "low": host.Low}[value]
	case "ai":
		w.ai = value
	case "restart":
		w.restart = value
	case "terminate":
		w.terminate = value
	}
}

func (w *world) complain(what string) { w.wrong = append(w.wrong, what) }

func (w *world) readSwap(context.Context) (host.Swap, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastSwap = w.swap
	w.checked = w.checked || w.swap != host.Unset
	return map[host.Level]host.Swap{host.Unset: {}, host.Enough: {Total: 100, Free: 90}, host.Low: {Total: 100, Free: 1}}[w.swap], nil
}

func (w *world) runHook(ctx context.Context, h host.Command) host.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.consuming {
		w.complain(h.Path + " is called while consuming")
	}
	plan := w.terminate
	if h.Path == "restart" {
		w.heals[len(w.heals)-1]++
		plan = w.restart
	} else if !slices.Equal(h.Args, []string{"ec2", "terminate-instances", "--instance-ids", "i-1", "--region", "r"}) {
		w.complain("terminate arguments " + strings.Join(h.Args, " "))
	}
	switch plan {
	case "cure":
		w.ai, w.swap = "up", host.Enough
		return host.Outcome{Code: 1}
	case "lie":
		return host.Outcome{Code: 1}
	case "accept":
		return host.Outcome{Code: 0}
	case "hang":
		w.mu.Unlock()
		select {
		case <-time.After(h.Timeout):
		case <-ctx.Done():
		}
		w.mu.Lock()
		return host.Outcome{Code: -1, TimedOut: true}
	default:
		return host.Outcome{Code: 137}
	}
}

// RoundTrip is the AI process and the alert webhook.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	status, body := http.StatusOK, ""
	switch {
	case r.URL.Host == "alerts":
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		w.posted = append(w.posted, string(text))
	case w.ai == "down":
		return nil, errors.New("connection refused")
	case r.URL.Path == "/internal/ping":
	case w.ai == "failing":
		status = http.StatusInternalServerError
	default:
		body = `{"images":["` + consumertest.Picture() + `"]}`
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// Run is the queue: it notes who consumes when.
func (w *world) Run(ctx context.Context, _ func(*queue.Delivery)) error {
	w.mu.Lock()
	if w.lastSwap == host.Low {
		w.complain("consumes though the last check said low")
	}
	if w.ai == "failing" {
		w.complain("consumes though no warm-up can have worked")
	}
	w.consuming = true
	w.mu.Unlock()
	<-ctx.Done()
	w.mu.Lock()
	w.consuming = false
	w.mu.Unlock()
	return nil
}

// live runs a consumer through the steps and then lets the world be well for an hour.
func (w *world) live(t *testing.T, steps []step) ops.State {
	s, err := settings.Parse([]string{
		"-amqp-url", "amqp://none/", "-ai-url", "http://ai", "-api-url", "http://api", "-alert-url", "http://alerts",
		"-restart-command", "restart", "-terminate-command", "terminate", "-instance-id", "i-1", "-aws-region", "r",
	}, func(string) (string, bool) { return "", false }, io.Discard)
	require.NoError(t, err)
	c := consumer.New(s, nil)
	client := &http.Client{Transport: w}
	c.AI.HTTP, c.Desk.HTTP, c.Source = client, client, w
	c.ReadSwap, c.RunHook = w.readSwap, w.runHook
	c.ReadNotice = func(context.Context) (*host.Notice, error) { return nil, nil } // no real network in a bubble
	heal := c.Heal
	c.Heal = func(ctx context.Context, tr *consumer.Trouble) {
		w.mu.Lock()
		w.heals = append(w.heals, 0)
		w.mu.Unlock()
		heal(ctx, tr)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	for _, step := range steps {
		time.Sleep(step.after)
		w.change(step.what)
	}
	for _, well := range []string{"swap enough", "ai up", "restart cure", "terminate refuse"} {
		w.change(well)
	}
	time.Sleep(time.Hour)
	state := c.Board.State()
	stop()
	<-done
	return state
}

func newWorld() *world {
	return &world{swap: host.Enough, ai: "up", restart: "cure", terminate: "refuse"}
}

// Whatever happens to swap, AI process and hooks: no hook runs while jobs do, nothing is consumed on
// low swap or without a warm-up, restarts are bounded, each incident has one alert and one all-clear,
// and when the world is well again, the consumer consumes.
func TestAnyBadDayEnds(t *testing.T) {
	t.Parallel()
	changes := rapid.SampledFrom([]string{
		"swap unset", "swap enough", "swap low", "ai up", "ai down", "ai failing", "restart cure", "restart lie", "restart odd",
		"restart hang", "terminate accept", "terminate refuse", "terminate hang",
	})
	after := rapid.SampledFrom([]time.Duration{0, 50 * time.Millisecond, time.Second, 10 * time.Second, 3 * time.Minute, 20 * time.Minute})
	rapid.Check(t, func(rt *rapid.T) {
		var steps []step
		for range rapid.IntRange(0, 12).Draw(rt, "steps") {
			steps = append(steps, step{after.Draw(rt, "after"), changes.Draw(rt, "change")})
		}
		w := newWorld()
		var end ops.State
		synctest.Test(t, func(t *testing.T) { end = w.live(t, steps) })
		if len(w.wrong) > 0 {
			rt.Fatalf("%v", w.wrong)
		}
		if end != ops.Consuming {
			rt.Fatalf("the world is well and the consumer is %s", end)
		}
		for _, restarts := range w.heals {
			if restarts > 3 {
				rt.Fatalf("%d restarts in one go", restarts)
			}
		}
		checkAlerts(rt, w.posted)
	})
}

// An AI process that dies after each restart is not restarted, nor alerted, for ever.
func TestRestartsThatDoNotLastEscalate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var steps []step
		for range 20 {
			steps = append(steps, step{15 * time.Second, "ai down"})
		}
		w.change("terminate accept")
		require.Equal(t, ops.Consuming, w.live(t, steps))
		require.LessOrEqual(t, len(w.heals), 5)
		require.LessOrEqual(t, len(w.posted), 10)
		require.Contains(t, strings.Join(w.posted, ""), consumer.TitleTermination, "the termination was called")
	})
}

func checkAlerts(rt *rapid.T, posted []string) {
	open := map[string]bool{}
	for _, post := range posted {
		_, rest, _ := strings.Cut(post, `"title":"`)
		title, _, _ := strings.Cut(rest, `"`)
		good := strings.Contains(post, `"color":"good"`)
		if open[title] != good {
			rt.Fatalf("alert and all-clear do not alternate for %q: %v", title, posted)
		}
		open[title] = !good
	}
	for title, still := range open {
		if still {
			rt.Fatalf("no all-clear for %q: %v", title, posted)
		}
	}
}

func TestSwapThatNeverComesIsWaitedForAsLongAsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change("swap unset")
		require.Equal(t, ops.Consuming, w.live(t, []step{{59 * time.Second, "ai up"}}))
		require.True(t, w.checked)
		require.Empty(t, w.posted, "it came within the limit")
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change("swap unset")
		require.Equal(t, ops.Consuming, w.live(t, []step{{61 * time.Second, "ai up"}}))
		require.Len(t, w.posted, 2)
	})
}
