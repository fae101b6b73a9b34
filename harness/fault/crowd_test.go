package fault

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// busy is a bench whose target answers requests, by a handler.
type busy struct {
	*bench
	url   string
	asked atomic.Int64
}

func (b *busy) URL() string { return b.url }

func (b *busy) AskExtra(string, string) (history.MsgID, error) {
	return history.MsgID(b.asked.Add(1)), nil
}

func newBusy(t *testing.T, h http.HandlerFunc) *busy {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &busy{bench: newBench(t), url: s.URL}
}

// of gives the events of a kind so far.
func (b *busy) of(kind history.Kind) (all []history.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

// good has the load's requests answered well until gone is.
func (b *busy) good(t *testing.T, in Injected) {
	t.Helper()
	gone := make(chan error, 1)
	go func() {
		_, err := in.Gone(t.Context())
		gone <- err
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-gone:
			require.NoError(t, err)
			return
		case <-tick.C:
			b.Record(&history.Event{Kind: history.Answer, Msg: 1, Code: 200, Flags: history.Good})
		}
	}
}

func TestSpike(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	b := newBusy(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(upstream.BackendHeader, r.Header.Get(upstream.RequestID))
		switch n.Add(1) % 4 {
		case 1:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			w.WriteHeader(http.StatusTooManyRequests) // without a time
		case 3:
			panic(http.ErrAbortHandler)
		}
	})
	f := &Spike{Rate: 200, For: script.Duration(200 * time.Millisecond), Path: "/"}
	in := inject(t, b, f)
	// All have been offered before they are counted: on a busy machine the last come late.
	require.NoError(t, in.Spent(t.Context()))
	evidence, err := in.InEffect(t.Context())
	require.NoError(t, err)
	require.Contains(t, evidence, "requests were offered in the first 200ms")
	require.EqualValues(t, 40, b.asked.Load())
	require.NoError(t, in.Heal(t.Context()))
	b.good(t, in)
	seen := map[string]int{}
	for _, e := range b.of(history.Answer) {
		if e.Who == "" && e.Code == 200 && e.Text == "" {
			continue // of the load
		}
		what := fmt.Sprintf("%d later=%t good=%t", e.Code, e.Flags.Has(history.Later), e.Flags.Has(history.Good))
		seen[what]++
		if e.Code != 0 {
			require.Equal(t, e.Msg.String(), e.Text, "the id goes with it")
		}
	}
	// A GET on a connection that breaks before the first answer is sent again by net/http itself.
	require.GreaterOrEqual(t, seen["429 later=true good=false"], 10)
	require.GreaterOrEqual(t, seen["429 later=false good=false"], 10)
	require.GreaterOrEqual(t, seen["200 later=false good=true"], 10)
}

func TestSpikeIsOpenModel(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	b := newBusy(t, func(http.ResponseWriter, *http.Request) { <-over })
	in := inject(t, b, &Spike{Rate: 500, For: script.Duration(time.Minute), Path: "/"})
	require.Eventually(t, func() bool { return b.asked.Load() > 100 }, time.Minute, time.Millisecond, "nobody waits for those before")
	require.NoError(t, in.Heal(t.Context()))
	asked := b.asked.Load()
	_, err := in.Gone(brief(t))
	require.ErrorContains(t, err, "waiting until the last of")
	close(over)
	b.good(t, in)
	require.Equal(t, asked, b.asked.Load(), "nobody came after the heal")
}

func TestSpikeThatCannotBeOffered(t *testing.T) {
	t.Parallel()
	c := &crowd{sent: make(chan struct{})}
	c.offered.Store(94)
	_, err := c.offers(t.Context(), time.Now().Add(-time.Minute), 100, time.Second)
	require.ErrorContains(t, err, "only 94 requests were offered in 1s, wanted 95")
	c.offered.Store(95)
	_, err = c.offers(t.Context(), time.Now().Add(-time.Minute), 100, time.Second)
	require.NoError(t, err)
}

func TestCrowdsRefuse(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Fault{
		"rate: 0, want 1 to 20000":        &Spike{Path: "/", For: script.Duration(time.Second)},
		"for: 1ms, want 100ms to 1m":      &Spike{Path: "/", Rate: 1, For: script.Duration(time.Millisecond)},
		`path: "", want one that begins`:  &Spike{Rate: 1, For: script.Duration(time.Second)},
		`path: "x", want one that begins`: &SlowReaders{Path: "x", Count: 1, Rate: 10},
		"count: 1001, want 1 to 1000":     &SlowReaders{Path: "/", Count: 1001, Rate: 10},
		"rate: 9, want 10 to 1000000000":  &SlowReaders{Path: "/", Count: 1, Rate: 9},
	} {
		_, err := f.Inject(t.Context(), &busy{})
		require.ErrorContains(t, err, want)
	}
}

func TestSlowReaders(t *testing.T) {
	t.Parallel()
	const size = 32 << 20 // more than the kernel keeps
	var n atomic.Int64
	wrote := make(chan error, 2)
	b := newBusy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		if n.Add(1) == 1 { // this one cuts its reader
			_, _ = w.Write(make([]byte, 1000))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, err := w.Write(make([]byte, size))
		wrote <- err
	})
	in := inject(t, b, &SlowReaders{Path: "/huge", Count: 2, Rate: 20_000})
	evidence, err := in.InEffect(t.Context())
	require.NoError(t, err)
	require.Contains(t, evidence, "2 clients read 20000 bytes a second each")
	require.Eventually(t, func() bool { return len(b.of(history.Reading)) == 1 }, time.Minute, time.Millisecond)
	cut := b.of(history.Reading)[0]
	require.Zero(t, cut.Flags)
	require.EqualValues(t, 1000, cut.Tag)
	require.Contains(t, cut.Text, "cut after 1000 of 33554432 bytes")
	require.Error(t, in.Spent(brief(t)), "the other one reads on")
	require.NoError(t, in.Heal(t.Context()))
	require.NoError(t, in.Spent(t.Context()))
	left := b.of(history.Reading)[1]
	require.Equal(t, history.Left, left.Flags)
	require.Less(t, left.Tag, uint64(size))
	require.Equal(t, "/huge", left.Who)
	require.Error(t, <-wrote, "it hung up")
	b.good(t, in)
}

func TestSlowReaderThatHasAll(t *testing.T) {
	t.Parallel()
	b := newBusy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		_, _ = io.WriteString(w, "whole")
	})
	in := inject(t, b, &SlowReaders{Path: "/", Count: 1, Rate: 20})
	require.NoError(t, in.Spent(t.Context()))
	whole := b.of(history.Reading)[0]
	require.Equal(t, history.Whole, whole.Flags)
	require.EqualValues(t, 5, whole.Tag)
	require.GreaterOrEqual(t, whole.Code, int32(200), "two bytes each 100 ms")
	require.NoError(t, in.Heal(t.Context()))
}

func TestSlowReadersWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	b := newBusy(t, http.NotFound)
	in := inject(t, b, &SlowReaders{Path: "/", Count: 1, Rate: 20})
	_, err := in.InEffect(t.Context())
	require.ErrorContains(t, err, "the 1. of 1, has no answer to read: the answer is 404 Not Found, wanted 200")
	require.NoError(t, in.Heal(t.Context()))
	require.Empty(t, b.of(history.Reading))

	b.url = "http://127.0.0.1:1" // a port that was free a moment ago may be somebody else's now
	in = inject(t, b, &SlowReaders{Path: "/", Count: 1, Rate: 20})
	_, err = in.InEffect(t.Context())
	require.ErrorContains(t, err, "connection refused")
	require.NoError(t, in.Heal(t.Context()))
}

func TestLater(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status     int
		retryAfter string
		want       bool
	}{
		{429, "1", true},
		{503, "120", true},
		{503, "Sun, 06 Nov 1994 08:49:37 GMT", true},
		{503, "", false},
		{503, "0", false},
		{503, "-1", false},
		{503, "soon", false},
		{502, "1", false},
		{200, "1", false},
	} {
		require.Equal(t, c.want, Later(c.status, c.retryAfter), "%d, %q", c.status, c.retryAfter)
	}
}
