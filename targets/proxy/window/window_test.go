package window_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/window"
)

func TestSumIsThatOfTheLastSeconds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 10).Draw(t, "seconds")
		c := window.New(size)
		now := time.Unix(5000, 0)
		var at []int64
		for _, step := range rapid.SliceOf(rapid.IntRange(0, 3000)).Draw(t, "ms between") {
			now = now.Add(time.Duration(step) * time.Millisecond)
			c.Add(now)
			at = append(at, now.Unix())
		}
		now = now.Add(time.Duration(rapid.IntRange(0, 20000).Draw(t, "then")) * time.Millisecond)
		var want int64
		for _, s := range at {
			if now.Unix()-s < int64(size) {
				want++
			}
		}
		require.Equal(t, want, c.Sum(now))
	})
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	c := window.New(10)
	now := time.Unix(5000, 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				c.Add(now)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 8000, c.Sum(now))
}
