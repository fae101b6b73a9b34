package main

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// wire notes what is sent.
type wire struct{ sent []string }

func (w *wire) Ack(tag uint64, multiple bool) error {
	what := "ack"
	if multiple {
		what = "ack to"
	}
	w.sent = append(w.sent, fmt.Sprintf("%s %d", what, tag))
	return nil
}

func (w *wire) Nack(tag uint64, multiple, requeue bool) error {
	if multiple || !requeue {
		return errors.New("only one message is ever handed back, and never dropped")
	}
	w.sent = append(w.sent, fmt.Sprintf("back %d", tag))
	return nil
}

func begun(prefetch, delivered int) (*link, *session, *wire) {
	w := &wire{}
	l := &link{settings: settings{prefetch: prefetch}, log: slog.New(slog.DiscardHandler)}
	s := newSession(l, w)
	l.begin(s)
	for tag := range delivered {
		if fresh, err := s.take(uint64(tag + 1)); !fresh || err != nil {
			panic("deliveries come one by one")
		}
	}
	return l, s, w
}

func TestAcksTogetherOnlyWhatIsDone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prefetch, delivered int
		finish, back        []uint64
		want                []string
	}{
		"one at a time":                         {1, 1, []uint64{1}, nil, []string{"ack 1"}},
		"the last of three, nothing runs":       {8, 3, []uint64{2, 1, 3}, nil, []string{"ack to 3"}},
		"half of the prefetch":                  {8, 8, []uint64{1, 2, 3, 4}, nil, []string{"ack to 4"}},
		"half of the prefetch, out of turn":     {8, 8, []uint64{1, 2, 4, 6}, nil, []string{"ack to 2", "ack 4", "ack 6"}},
		"the oldest still runs":                 {4, 3, []uint64{2, 3}, nil, []string{"ack 2", "ack 3"}},
		"one that was handed back in the row":   {8, 3, []uint64{1, 3}, []uint64{2}, []string{"back 2", "ack to 3"}},
		"handed back twice, or never had":       {1, 1, nil, []uint64{1, 1, 7}, []string{"back 1"}},
		"few are done and others run: it waits": {8, 8, []uint64{1, 2}, nil, []string{"ack to 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, s, w := begun(c.prefetch, c.delivered)
				for _, tag := range c.back {
					s.handBack(tag)
				}
				for _, tag := range c.finish {
					s.finish(tag)
				}
				time.Sleep(2 * ackWithin) // of the bubble's clock
				synctest.Wait()
				require.Equal(t, c.want, w.sent)
			})
		})
	}
}

func TestNothingStaleIsSettled(t *testing.T) {
	t.Parallel()
	l, before, old := begun(8, 2)
	l.end(nil)
	before.finish(1) // between two sessions
	require.Empty(t, old.sent)
	fresh := &wire{}
	l.begin(newSession(l, fresh)) // whose tag 1 and 2 are other messages
	before.finish(2)
	before.handBack(2)
	before.flush()
	require.Empty(t, old.sent)
	require.Empty(t, fresh.sent)
}

func TestTake(t *testing.T) {
	t.Parallel()
	_, s, _ := begun(8, 2)
	fresh, err := s.take(2)
	require.False(t, fresh, "an echo")
	require.NoError(t, err)
	fresh, err = s.take(4)
	require.True(t, fresh)
	require.ErrorIs(t, err, errGap)
	held, delivered, _ := s.idle()
	require.Equal(t, 3, held)
	require.True(t, delivered)
}
