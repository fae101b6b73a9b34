package script

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	type form struct {
		Delay Duration `json:"delay"`
	}
	for _, c := range []struct{ name, in, wrong string }{
		{"good", `{"delay":"1.5s"}`, ""},
		{"unknown field", `{"delya":"1.5s"}`, "delya"},
		{"something behind", `{"delay":"1.5s"} {}`, "behind"},
		{"no duration", `{"delay":"soon"}`, `write it as "1.5s"`},
		{"a number", `{"delay":5}`, "number"},
		{"nothing", ``, "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var f form
			err := Decode([]byte(c.in), &f)
			if c.wrong != "" {
				require.ErrorContains(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			require.Equal(t, form{Delay: Duration(1500 * time.Millisecond)}, f)
			out, err := json.Marshal(f)
			require.NoError(t, err)
			require.JSONEq(t, c.in, string(out))
		})
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		require.NoError(t, Wait(t.Context(), time.Minute))
		require.Equal(t, time.Minute, time.Since(begin))

		why := errors.New("the lab is gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		require.ErrorIs(t, Wait(ctx, time.Hour), why)
		require.Equal(t, time.Minute+time.Second, time.Since(begin))
		require.ErrorIs(t, Wait(ctx, 0), why)
	})
}

func TestTurnActsOnTheMatchesItSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		turn := Turn{Nth: rapid.IntRange(0, 6).Draw(t, "nth"), Times: rapid.IntRange(0, 4).Draw(t, "times")}
		matches := rapid.IntRange(0, 20).Draw(t, "matches")
		var c Count
		for i := 1; i <= matches; i++ {
			first := max(1, turn.Nth)
			want := i >= first && (turn.Times == 0 || i < first+turn.Times)
			require.Equal(t, want, turn.Next(&c), "match %d of %+v", i, turn)
		}
		require.Equal(t, matches, c.Seen)
	})
}

func TestTurnCheck(t *testing.T) {
	t.Parallel()
	require.NoError(t, Turn{Nth: 3, Times: 1}.Check())
	require.Error(t, Turn{Nth: -1}.Check())
	require.Error(t, Turn{Times: -1}.Check())
}

func TestListPicksTheFirstWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	var l List[string]
	every := func(*string) bool { return true }
	require.Nil(t, l.Pick(every))
	once := l.Add("once", Turn{Times: 1})
	second := l.Add("second", Turn{Nth: 2})
	require.Equal(t, once, l.Pick(every))
	require.Nil(t, l.Pick(every), "second has seen one match only: once took the other")
	require.Equal(t, second, l.Pick(every))
	require.Nil(t, l.Pick(func(s *string) bool { return *s == "once" }))
	require.Equal(t, 1, once.Hits())
	<-once.Hit()
	<-second.Hit()
	select {
	case <-second.Gone():
		t.Fatal("gone before it was removed")
	default:
	}
	second.Remove()
	second.Remove()
	<-second.Gone()
	require.Nil(t, l.Pick(every))
	l.Clear()
	<-once.Gone()
}

func TestListIsExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	var l List[int]
	a := l.Add(1, Turn{Nth: 11, Times: 500})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 100 {
				l.Pick(func(*int) bool { return true })
				l.Add(2, Turn{Nth: 1 << 30}).Remove()
			}
		})
	}
	wg.Wait()
	require.Equal(t, 500, a.Hits())
}
