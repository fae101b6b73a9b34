package harness

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// written is a lab that does nothing but write its history; events reads back what it has written.
func written(t *testing.T) (l *Lab, events func() []history.Event) {
	t.Helper()
	path := filepath.Join(t.TempDir(), HistoryFile)
	w, err := history.Create(history.Options{Path: path})
	require.NoError(t, err)
	l = &Lab{record: &recorder{Writer: w}, loadEnd: make(chan struct{}), target: target.Target{Name: "proxy", HTTP: "http://{listen}"}}
	l.config.Spec.Load.Duration = time.Hour
	return l, func() (all []history.Event) {
		require.NoError(t, w.Close())
		r, err := history.Open(path)
		require.NoError(t, err)
		defer r.Close()
		for e, err := range r.All() {
			require.NoError(t, err)
			e.At = 0
			all = append(all, *e)
		}
		return all
	}
}

func TestAskAndAnswered(t *testing.T) {
	t.Parallel()
	l, events := written(t)
	for n, a := range []Answer{
		{Status: 200, Good: true, Own: true, Version: "2", Backend: "backend/1", Wait: 1500 * time.Microsecond, Err: "nobody looks"},
		{Status: 503, Later: true, Wait: time.Millisecond},
		{Status: 500, Leaked: true, Version: "1", Backend: "backend/0"},
		{Wait: time.Second, Err: "EOF"},
	} {
		id, err := l.Ask("GET", "/a?b=c", "ann")
		require.NoError(t, err)
		require.EqualValues(t, n+1, id)
		l.Answered(id, a)
	}
	offer := func(id history.MsgID) history.Event {
		return history.Event{Kind: history.Offer, Msg: id, Who: "ann", Text: "GET /a?b=c"}
	}
	require.Equal(t, []history.Event{
		{Kind: history.LoadBegin}, // once
		offer(1), {Kind: history.Answer, Msg: 1, Code: 200, N: 1500, Who: "2", Text: "backend/1", Flags: history.Good | history.Own},
		offer(2), {Kind: history.Answer, Msg: 2, Code: 503, N: 1000, Flags: history.Later},
		offer(3), {Kind: history.Answer, Msg: 3, Code: 500, Who: "1", Text: "backend/0", Flags: history.Leaked},
		offer(4), {Kind: history.Answer, Msg: 4, N: 1_000_000, Text: "EOF"},
	}, events())
}

func TestAskOfAQueue(t *testing.T) {
	t.Parallel()
	l := &Lab{target: target.Target{Name: "consumer", Queue: "jobs"}}
	_, err := l.Ask("GET", "/", "")
	require.EqualError(t, err, "target consumer consumes a queue and answers no requests: use submit()")
}

// What a backend tells of its requests becomes the history's events.
func TestBackendRecords(t *testing.T) {
	t.Parallel()
	came := time.Now()
	ended := came.Add(2 * time.Millisecond)
	for name, c := range map[string]struct {
		is   upstream.Record
		want []history.Event
	}{
		"came": {upstream.Record{ID: "m7", N: 3, Method: "GET", Path: "/a", Came: came},
			[]history.Event{{Kind: history.Take, Who: "backend/3", Msg: 7, N: 3, Text: "GET /a"}}},
		"ended": {upstream.Record{ID: "m7", N: 3, Method: "GET", Path: "/a", Came: came, Ended: ended, Status: 200},
			[]history.Event{{Kind: history.Give, Who: "backend/3", Msg: 7, N: 3, Code: 200}}},
		"its caller had gone": {upstream.Record{ID: "m7", N: 3, Path: "/a", Came: came, Ended: ended, Gone: true},
			[]history.Event{{Kind: history.Give, Who: "backend/3", Msg: 7, N: 3, Flags: history.Left}}},
		"of no id": {upstream.Record{N: 3, Method: "GET", Path: "/a", Came: came},
			[]history.Event{{Kind: history.Take, Who: "backend/3", N: 3, Text: "GET /a"}}},
		"a health check came": {upstream.Record{N: 4, Method: "GET", Path: "/up", Came: came}, nil},
		"a health check ended": {upstream.Record{ID: "x", N: 4, Method: "GET", Path: "/up", Came: came, Ended: ended, Status: 503},
			[]history.Event{{Kind: history.Health, Who: "backend/3", N: 2000, Code: 503}}},
		"the path of others": {upstream.Record{N: 5, Method: "GET", Path: "/healthz", Came: came},
			[]history.Event{{Kind: history.Take, Who: "backend/3", N: 5, Text: "GET /healthz"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, events := written(t)
			b := &backend{lab: l, name: "backend/3", spec: server.Spec{Upstream: upstream.Script{Health: "/up"}}}
			b.record(c.is)
			require.Equal(t, c.want, events())
		})
	}
}
