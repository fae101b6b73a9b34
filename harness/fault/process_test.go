package fault

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// gets and settles are deliveries of consumer/0.
func gets(tag uint64) *history.Event {
	return &history.Event{Kind: history.Deliver, Conn: 4, Chan: 1, Tag: tag, Msg: history.MsgID(tag)}
}

func settles(tag uint64) *history.Event {
	return &history.Event{Kind: history.Ack, Conn: 4, Chan: 1, Tag: tag}
}

// struck injects f while the bench's instance gets so many deliveries.
func struck(t *testing.T, b *bench, f Fault, deliveries int) Injected {
	t.Helper()
	var in Injected
	done := make(chan error, 1)
	go func() {
		var err error
		in, err = f.Inject(t.Context(), b)
		done <- err
	}()
	synctest.Wait()
	b.Record(&history.Event{Kind: history.Deliver, Conn: 2, Chan: 1, Tag: 9, Msg: 9}) // another's
	for tag := range deliveries {
		synctest.Wait()
		require.True(t, b.targets[0].Running() && !b.targets[0].Paused(), "struck too early")
		b.Record(gets(uint64(tag + 1)))
	}
	require.NoError(t, <-done)
	return in
}

func TestProcessIsKilledWhileItHoldsJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		in := struck(t, b, &Process{How: "kill", Holding: 3}, 3)
		require.False(t, b.targets[0].Running())
		_, err := (&Process{How: "pause"}).Inject(t.Context(), b)
		require.ErrorContains(t, err, "claimed")
		shows, err := in.InEffect(brief(t))
		require.NoError(t, err)
		require.Equal(t, "consumer/0 held 3 unsettled and was killed: its connection ended with 3 unsettled", shows)

		require.NoError(t, in.Heal(t.Context()))
		require.True(t, b.targets[0].Running())
		requireSettlesAgain(t, b, in)
	})
}

// requireSettlesAgain holds the end of a fault to a settlement that is the target's own.
func requireSettlesAgain(t *testing.T, b *bench, in Injected) {
	t.Helper()
	gone := make(chan string, 1)
	go func() {
		shows, _ := in.Gone(t.Context())
		gone <- shows
	}()
	synctest.Wait()
	b.Record(gets(9))
	b.Record(&history.Event{Kind: history.Ack, Conn: 2, Chan: 1, Tag: 9})
	b.Record(&history.Event{Kind: history.Ack, Conn: 4, Chan: 1, Tag: 9, Flags: history.Synthetic})
	synctest.Wait()
	require.Empty(t, gone)
	b.Record(settles(9))
	require.Equal(t, "consumer/0 sent a ack", <-gone)
}

func TestProcessThatHadSettledAllWasNotMet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		h := follow(b, "consumer/0")
		ended := h.when(ending(blow{how: "kill"}))
		b.Record(gets(1))
		b.Record(gets(2))
		b.Record(&history.Event{Kind: history.Ack, Conn: 4, Chan: 1, Tag: 2, Flags: history.Multiple})
		b.Record(gets(3))
		b.Record(&history.Event{Kind: history.Reject, Conn: 4, Chan: 1, Tag: 3, Flags: history.Requeue})
		b.Record(&history.Event{Kind: history.ConnClose, Conn: 4})
		_, err := ended.await(brief(t))
		require.Error(t, err)

		ended = h.when(ending(blow{how: "kill"}))
		b.Record(gets(4))
		b.Record(&history.Event{Kind: history.Ack, Conn: 4, Chan: 1, Tag: 4, Flags: history.Swallowed})
		b.Record(&history.Event{Kind: history.ConnClose, Conn: 4})
		holds, err := ended.await(brief(t))
		require.NoError(t, err)
		require.Equal(t, 1, holds, "the broker never got its ack")
		h.close()
	})
}

func TestProcessIsAskedToEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.targets[0].code = 143
		in := struck(t, b, &Process{How: "term"}, 1)
		shows, err := in.InEffect(brief(t))
		require.NoError(t, err)
		require.Contains(t, shows, "ended with 143 when it was asked to: its connection ended")
		require.NoError(t, in.Heal(brief(t)))
		require.True(t, b.targets[0].Running())
		requireSettlesAgain(t, b, in)
	})
}

func TestProcessStandsStill(t *testing.T) {
	t.Parallel()
	look := &history.Event{Kind: history.Depth, Who: "jobs"}
	for name, c := range map[string]struct {
		until  string
		events []*history.Event
		shows  string // "": not in effect
	}{
		"given more":               {"", []*history.Event{gets(2)}, "it has 2 that it cannot settle"},
		"looked at once":           {"", []*history.Event{look}, ""},
		"looked at twice":          {"", []*history.Event{look, look}, "it has 1 that it cannot settle"},
		"had settled all":          {"held", []*history.Event{settles(1), look, look, look}, ""},
		"given up":                 {"dropped", []*history.Event{{Kind: history.ConnClose, Conn: 4, Flags: history.FromBroker}}, "ended with 1 unsettled"},
		"the other was given up":   {"dropped", []*history.Event{{Kind: history.ConnClose, Conn: 2, Flags: history.FromBroker}}, ""},
		"held only":                {"dropped", []*history.Event{gets(2), look, look}, ""},
		"closed by somebody else ": {"dropped", []*history.Event{{Kind: history.ConnClose, Conn: 4}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				in := struck(t, b, &Process{How: "pause", Until: c.until}, 1)
				require.True(t, b.targets[0].Paused())
				shown := make(chan string, 1)
				go func() {
					shows, _ := in.InEffect(t.Context())
					shown <- shows
				}()
				synctest.Wait()
				for _, e := range c.events {
					b.Record(e)
				}
				synctest.Wait()
				if c.shows == "" {
					require.Empty(t, shown)
				} else {
					require.Contains(t, <-shown, c.shows)
				}
				require.NoError(t, in.Heal(t.Context()))
				require.False(t, b.targets[0].Paused())
				requireSettlesAgain(t, b, in)
			})
		})
	}
}

func TestProcessThatCannotBeStruckIsLeftAlone(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]*Process{
		`how: "stop", want one of`:                  {How: "stop"},
		`holding: -1, want 1 to 65535`:              {How: "kill", Holding: -1},
		`at: "work", want "ack" or nothing`:         {How: "kill", At: "work"},
		`at: "ack" has a meaning with how: "kill"`:  {How: "term", At: "ack"},
		`at: "ack" and holding: 2 exclude`:          {How: "kill", At: "ack", Holding: 2},
		`until: "held" has a meaning with how: "p`:  {How: "kill", Until: "held"},
		`until: "dead", want "held" or "dropped"`:   {How: "pause", Until: "dead"},
		`instance: 1, want 0 to 0`:                  {How: "kill", Instance: 1},
		`holds 1 deliveries that it has not settle`: {How: "kill"},
		`is the load enough`:                        {How: "pause", Holding: 4},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				_, err := f.Inject(t.Context(), b)
				require.ErrorContains(t, err, want)
				require.True(t, b.targets[0].Running())
			})
		})
	}
	t.Run("SIGSTOP without effect", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			b.targets[0].deaf = true
			done := make(chan error, 1)
			go func() {
				_, err := (&Process{How: "pause"}).Inject(t.Context(), b)
				done <- err
			}()
			synctest.Wait()
			b.Record(gets(1))
			require.ErrorContains(t, <-done, "does not stand still")
		})
	})
	t.Run("it does not run", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.targets[0].ended = true
		_, err := (&Process{How: "term"}).Inject(t.Context(), b)
		require.ErrorContains(t, err, "consumer/0 does not run")
	})
}
