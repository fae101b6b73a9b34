package report_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/report"
)

func TestPut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statuses []int // one an answer, the last one repeats
		limit    time.Duration
		requests int32
		wrong    string
	}{
		"accepted":              {[]int{201}, time.Minute, 1, ""},
		"accepted before":       {[]int{200}, time.Minute, 1, ""},
		"later":                 {[]int{503, 500, 201}, time.Minute, 3, ""},
		"too many requests":     {[]int{429, 201}, time.Minute, 2, ""},
		"refused for good":      {[]int{422, 201}, time.Minute, 1, "422"},
		"only one try allowed":  {[]int{503, 201}, 0, 1, "503"},
		"a redirect is refused": {[]int{304}, time.Minute, 1, "304"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPut || r.URL.EscapedPath() != "/images/m%2F1" || r.Header.Get("Idempotency-Key") != "key" ||
					r.Header.Get("Content-Type") != "image/png" || string(body) != "pixels" {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				w.WriteHeader(c.statuses[min(int(n.Add(1)), len(c.statuses))-1])
			}))
			t.Cleanup(server.Close)
			err := (&report.Client{URL: server.URL, Limit: c.limit}).Put(t.Context(), "m/1", "key", "image/png", []byte("pixels"))
			if c.wrong == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.wrong)
			}
			require.Equal(t, c.requests, n.Load())
		})
	}
}

// One request at once, one at the end of the limit, and none after it. The clock is a fake one: how long a
// request takes decides how many there are.
func TestPutGivesUpAtItsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		down := transport(func(r *http.Request) (*http.Response, error) {
			at = append(at, time.Since(began))
			time.Sleep(10 * time.Millisecond)
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Request: r}, nil
		})
		c := &report.Client{URL: "http://api", Limit: 50 * time.Millisecond, HTTP: &http.Client{Transport: down}}
		require.ErrorContains(t, c.Put(t.Context(), "m1", "key", "image/png", []byte("pixels")), "503")
		require.Equal(t, []time.Duration{0, 50 * time.Millisecond}, at)
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPutEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	err := (&report.Client{URL: server.URL, Limit: time.Hour}).Put(ctx, "m1", "m1", "image/png", nil)
	require.ErrorContains(t, err, "report image m1")
}

// An outage is the server's as long as it takes no report at all; when it takes others, it is the job's.
func TestWhoseFaultAFailedReportIs(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/images/bad" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		if r.URL.Path == "/images/wrong" {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	}))
	defer server.Close()
	c := &report.Client{URL: server.URL, Limit: 300 * time.Millisecond}
	put := func(id string) error { return c.Put(t.Context(), id, id, "image/png", nil) }
	require.ErrorIs(t, put("bad"), report.ErrDown)
	require.NotErrorIs(t, put("wrong"), report.ErrDown)

	bad := make(chan error, 1)
	go func() { bad <- put("bad") }()
	var err error
	for err == nil {
		require.NoError(t, put("good"))
		select {
		case err = <-bad:
		default:
		}
	}
	require.ErrorContains(t, err, "500")
	require.NotErrorIs(t, err, report.ErrDown)
	server.Close()
	require.ErrorIs(t, put("good"), report.ErrDown)
}

// One job at a time: others are taken only while the bad one waits for its next try.
func TestWhatIsTakenBetweenTwoTriesSpeaksAgainstTheJob(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() || r.URL.Path == "/images/bad" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	c := &report.Client{URL: server.URL}
	put := func(id string) error { return c.Put(t.Context(), id, id, "image/png", nil) }
	require.ErrorIs(t, put("bad"), report.ErrDown)
	require.ErrorIs(t, put("bad"), report.ErrDown, "nothing tells them apart")
	for range 3 {
		require.NoError(t, put("good"))
		err := put("bad")
		require.ErrorContains(t, err, "500")
		require.NotErrorIs(t, err, report.ErrDown)
	}
	down.Store(true)
	require.ErrorIs(t, put("bad"), report.ErrDown, "that was another time")
	require.ErrorIs(t, put("good"), report.ErrDown)
}
