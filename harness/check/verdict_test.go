package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOverall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		results []Verdict
		want    Verdict
	}{
		{nil, Unknown},
		{[]Verdict{Pass}, Pass},
		{[]Verdict{Pass, Unknown, Pass}, Unknown},
		{[]Verdict{Unknown, Fail, Pass}, Fail},
		{[]Verdict{Pass, 77}, Unknown},
	} {
		var results []Result
		for _, v := range c.results {
			results = append(results, Result{Verdict: v})
		}
		require.Equal(t, c.want, overall(results), "%v", c.results)
		require.NotEmpty(t, reason(overall(results), results))
	}
}
