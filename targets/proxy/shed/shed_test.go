package shed_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/shed"
)

// However many come at once, just so many get in as may, and afterwards there is no trace of it.
func TestASpikeIsCutAtTheShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1, 200).Draw(t, "limit")
		share := float64(rapid.IntRange(1, 100).Draw(t, "percent")) / 100
		users := rapid.IntRange(1, 300).Draw(t, "users")
		want := min(max(1, int(share*float64(limit))), users)
		s := &shed.Shedder{Share: share, Limit: func() int64 { return limit }}
		in := make(chan bool, users)
		var all sync.WaitGroup
		for range users {
			all.Go(func() { in <- s.Enter() })
		}
		all.Wait()
		close(in)
		got := 0
		for inside := range in {
			if inside {
				got++
			}
		}
		require.Equal(t, want, got)
		require.EqualValues(t, want, s.Active())
		require.EqualValues(t, users-want, s.Shed())
		for range want {
			s.Leave()
		}
		require.Zero(t, s.Active())
		require.True(t, s.Enter())
	})
}

func TestWithoutALimitNobodyIsShed(t *testing.T) {
	t.Parallel()
	s := &shed.Shedder{Share: 0.85, Limit: func() int64 { return 0 }}
	for range 1000 {
		require.True(t, s.Enter(), "that nobody is there is said by who knows it")
	}
}
