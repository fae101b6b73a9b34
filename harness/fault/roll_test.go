package fault

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// pair is a bench with two instances.
func pair(t *testing.T) *bench {
	b := newBench(t)
	b.targets = append(b.targets, &benchTarget{b: b, name: "consumer/1", conn: 2})
	return b
}

func (t *benchTarget) joins() {
	t.b.Record(&history.Event{Kind: history.ConnOpen, Conn: t.conn, Who: t.name})
	synctest.Wait()
}

// busy has an instance get a delivery, and settle it.
func (t *benchTarget) busy(tag uint64) {
	t.b.Record(&history.Event{Kind: history.Deliver, Conn: t.conn, Chan: 1, Tag: tag, Msg: history.MsgID(tag)})
	synctest.Wait()
	t.b.Record(&history.Event{Kind: history.Ack, Conn: t.conn, Chan: 1, Tag: tag})
	synctest.Wait()
}

func TestRollReplacesOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pair(t)
		var in Injected
		done := make(chan error, 1)
		go func() {
			var err error
			in, err = (&Roll{To: "next"}).Inject(t.Context(), b)
			done <- err
		}()
		synctest.Wait()
		b.targets[0].busy(1) // meets its end
		require.Equal(t, []string{"next"}, b.targets[0].used)
		b.targets[1].busy(1)
		require.Empty(t, b.targets[1].used, "the first one does not serve yet")
		b.targets[0].joins()
		b.targets[0].busy(2)
		b.targets[1].busy(2)
		require.Equal(t, []string{"next"}, b.targets[1].used)
		b.targets[1].busy(3)
		require.Empty(t, done, "that was sent before")
		b.targets[1].joins()
		b.targets[1].busy(4)
		require.NoError(t, <-done)

		shows, err := in.InEffect(brief(t))
		require.NoError(t, err)
		require.Equal(t, "consumer/0 held 1 unsettled and ended with 0 when it was asked to, and next settles deliveries in its place; "+
			"consumer/1 held 1 unsettled and ended with 0 when it was asked to, and next settles deliveries in its place", shows)
		_, err = (&Process{How: "kill"}).Inject(t.Context(), b)
		require.ErrorContains(t, err, "claimed")

		require.NoError(t, in.Heal(t.Context()))
		require.Equal(t, []string{"next", ""}, b.targets[0].used)
		require.Equal(t, []string{"next", ""}, b.targets[1].used)
		gone := make(chan error, 1)
		go func() {
			_, err := in.Gone(t.Context())
			gone <- err
		}()
		synctest.Wait()
		b.targets[0].busy(4)
		require.Empty(t, gone)
		b.targets[1].busy(4)
		require.NoError(t, <-gone)
	})
}

func TestRollThatFailsIsRolledBack(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		fault *Roll
		notUp error
	}{
		"to: missing":            {fault: &Roll{}},
		`how: "pause", want one`: {fault: &Roll{To: "next", How: "pause"}},
		`at: "ack" has a meanin`: {fault: &Roll{To: "next", At: "ack"}},
		`no target "nobody"`:     {fault: &Roll{To: "nobody"}},
		"it does not start":      {fault: &Roll{To: "next"}, notUp: errors.New("it does not start")},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := pair(t)
				b.targets[0].notUp = c.notUp
				done := make(chan error, 1)
				go func() {
					_, err := c.fault.Inject(t.Context(), b)
					done <- err
				}()
				synctest.Wait()
				b.targets[0].busy(1)
				require.ErrorContains(t, <-done, want)
				require.True(t, b.targets[0].Running() && b.targets[1].Running())
				require.Empty(t, b.targets[0].next)
				require.Empty(t, b.targets[1].next)
			})
		})
	}
}
