package track_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/history/track"
)

// model is what Tags must be equal to, written so plainly that it cannot be wrong.
type model map[uint64][]history.MsgID

func (m model) tags() []uint64 {
	var tags []uint64
	for tag, msgs := range m {
		if len(msgs) > 0 {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return tags
}

func TestTagsAgreeWithAPlainModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var tags track.Tags
		m := model{}
		highest, msg := uint64(0), history.MsgID(0)
		t.Repeat(map[string]func(*rapid.T){
			"deliver": func(t *rapid.T) {
				highest++
				msg++
				tags.Add(highest, msg)
				m[highest] = append(m[highest], msg)
			},
			"deliver any tag": func(t *rapid.T) {
				tag := rapid.Uint64Range(1, 400).Draw(t, "tag")
				highest = max(highest, tag)
				msg++
				tags.Add(tag, msg)
				m[tag] = append(m[tag], msg)
			},
			"settle": func(t *rapid.T) {
				tag := rapid.Uint64Range(0, highest+2).Draw(t, "tag")
				_, ok := tags.Take(tag)
				require.Equal(t, len(m[tag]) > 0, ok)
				if ok {
					m[tag] = m[tag][1:]
				}
			},
			"settle multiple": func(t *rapid.T) {
				upTo := rapid.Uint64Range(0, highest+2).Draw(t, "tag")
				var want []history.MsgID
				for _, tag := range m.tags() {
					if upTo == 0 || tag <= upTo {
						want = append(want, m[tag]...)
						delete(m, tag)
					}
				}
				require.Equal(t, want, tags.TakeUpTo(upTo, nil))
			},
			"": func(t *rapid.T) {
				var got []uint64
				for tag := range tags.All() {
					got = append(got, tag)
				}
				require.Equal(t, m.tags(), slices.Compact(got))
				n := 0
				for _, tag := range m.tags() {
					require.True(t, tags.Has(tag))
					n += len(m[tag])
				}
				require.Equal(t, n, tags.Len())
			},
		})
	})
}

func TestTagsOfAnySize(t *testing.T) {
	t.Parallel()
	var tags track.Tags
	tags.Add(math.MaxUint64, 1)
	tags.Add(1, 2)
	require.Equal(t, []history.MsgID{2}, tags.TakeUpTo(5, nil))
	require.Equal(t, []history.MsgID{1}, tags.TakeUpTo(math.MaxUint64, nil))
	require.Zero(t, tags.Len())
}

func TestTableKeepsEveryKindOfID(t *testing.T) {
	t.Parallel()
	ids := []history.MsgID{1, 4095, 4096, 1<<30 - 1, 1 << 30, 1 << 62, history.ParseMsgID([]byte("other"))}
	var table track.Table[uint64]
	for _, id := range ids {
		*table.At(id) = uint64(id)
	}
	var got []history.MsgID
	for id, v := range table.All() {
		if *v != 0 {
			require.Equal(t, uint64(id), *v)
			got = append(got, id)
		}
	}
	require.Equal(t, ids, got)
}

func TestHistogramIsWithinItsError(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, int64(100*time.Hour)), 1, 50).Draw(t, "values")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var h track.Histogram
		for _, v := range values {
			h.Add(time.Duration(v))
		}
		slices.Sort(values)
		rank := max(1, int(q*float64(len(values))+0.5))
		want, got := time.Duration(values[rank-1]), h.Quantile(q)
		require.GreaterOrEqual(t, got, want.Truncate(time.Microsecond))
		require.LessOrEqual(t, float64(got), float64(want)*1.016+float64(2*time.Microsecond))
	})
}

func TestEmptyHistogram(t *testing.T) {
	t.Parallel()
	var h track.Histogram
	require.Zero(t, h.Quantile(0.5))
	h.Add(math.MaxInt64)
	h.Add(-1)
	require.Equal(t, time.Duration(math.MaxInt64), h.Max())
	require.Zero(t, h.Quantile(0))
}
