package health_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/health"
)

func TestFailuresInARowEject(t *testing.T) {
	t.Parallel()
	var changes []backend.Change
	all := map[string]*backend.Backend{}
	pool := &backend.Pool{Picker: &backend.RoundRobin{},
		Added:   func(b *backend.Backend) { all[b.Name()] = b },
		Observe: func(c backend.Change) { changes = append(changes, c) }}
	p := &health.Passive{Pool: pool, Log: slog.New(slog.DiscardHandler), After: 3, First: time.Second, Limit: time.Minute, Share: 0.5}
	for _, name := range []string{"a", "b"} {
		s := *spec(t, "http://"+name+":1", "200")
		s.Name = name
		pool.Put(s)
		for range 2 {
			pool.Checked(all[name], backend.Check{At: time.Now(), OK: true, What: "200"})
		}
	}
	changes = nil
	for range 3 { // never three in a row
		p.Note(all["a"], "500")
		p.Note(all["a"], "500")
		p.Note(all["a"], "")
	}
	require.Empty(t, changes)
	for range 3 {
		p.Note(all["a"], "connection refused")
	}
	require.Len(t, changes, 1)
	require.Equal(t, backend.Ejected, changes[0].To)
	require.Equal(t, "3 requests in a row failed, the last one: connection refused; for at least 1s", changes[0].Reason)
	for range 7 {
		p.Note(all["b"], "500")
	}
	require.Len(t, changes, 1, "the last one in service stays")
	require.EqualValues(t, 2, p.Refused())
	p.After = 0
	for range 7 {
		p.Note(all["b"], "500")
	}
	require.EqualValues(t, 2, p.Refused())
}
