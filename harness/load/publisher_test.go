package load

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// publish runs f in a bubble with a Publisher on a fakeBroker.
func publish(t *testing.T, o Options, f func(t *testing.T, p *Publisher, b *fakeBroker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBroker{}
		o.URL, o.Queue = "amqp://nowhere", "q"
		o, err := o.withDefaults()
		require.NoError(t, err)
		p, err := open(t.Context(), o, b.dial)
		require.NoError(t, err)
		f(t, p, b)
		require.NoError(t, p.Close(t.Context()))
	})
}

func submit(t *testing.T, p *Publisher, n int) {
	t.Helper()
	for range n {
		_, err := p.Submit([]byte("x"), Props{})
		require.NoError(t, err)
	}
	synctest.Wait()
}

func ids(from, to uint64) (s []uint64) {
	for id := from; id <= to; id++ {
		s = append(s, id)
	}
	return s
}

func TestPublisherSendsInOrderWithinTheWindow(t *testing.T) {
	t.Parallel()
	var offered []uint64
	publish(t, Options{Window: 10, OnOffer: func(id uint64, _ uint8, _ bool) { offered = append(offered, id) }},
		func(t *testing.T, p *Publisher, b *fakeBroker) {
			submit(t, p, 25)
			require.Equal(t, ids(1, 25), offered)
			require.Equal(t, ids(1, 10), b.sent())
			b.events.confirmed(3, true, true)
			synctest.Wait()
			require.Equal(t, ids(1, 13), b.sent())
			require.Equal(t, Counts{Offered: 25, Published: 13, Confirmed: 3, Buffered: 12}, p.Counts())
			b.events.confirmed(13, true, true)
			synctest.Wait()
			b.events.confirmed(23, true, true)
			synctest.Wait()
			b.events.confirmed(25, true, true)
			require.Equal(t, ids(1, 25), b.sent())
			require.NoError(t, p.Settled(t.Context()))
		})
}

func TestPublisherNeverSendsAgainWhatWasInFlight(t *testing.T) {
	t.Parallel()
	type state struct {
		up  bool
		err error
	}
	var states []state
	publish(t, Options{Window: 5, OnState: func(up bool, err error) { states = append(states, state{up, err}) }},
		func(t *testing.T, p *Publisher, b *fakeBroker) {
			submit(t, p, 8)
			b.events.confirmed(2, true, true) // 1, 2 confirmed; 3 to 7 in flight; 8 unsent
			synctest.Wait()
			b.down()
			b.cut(false)
			synctest.Wait()
			require.Equal(t, Counts{Offered: 8, Published: 7, Confirmed: 2, Unknown: 5, Buffered: 1}, p.Counts())
			submit(t, p, 2)
			b.up()
			time.Sleep(time.Second)
			require.Equal(t, ids(1, 10), b.sent())
			b.events.confirmed(3, true, true) // the sequence starts at 1 on the new connection
			require.NoError(t, p.Settled(t.Context()))
			require.Equal(t, Counts{Offered: 10, Published: 10, Confirmed: 5, Unknown: 5}, p.Counts())
			require.Equal(t, []state{{true, nil}, {false, errGone}, {true, nil}}, states)
		})
}

func TestPublisherGivesUpAWriteThatFailed(t *testing.T) {
	t.Parallel()
	publish(t, Options{}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		b.cut(true)
		submit(t, p, 3)
		time.Sleep(time.Second)
		require.EqualValues(t, 3, p.Counts().Unknown)
		submit(t, p, 1)
		require.Equal(t, ids(4, 4), b.sent())
	})
}

func TestSubmitKeepsItsScheduleInAnOutage(t *testing.T) {
	t.Parallel()
	publish(t, Options{Seed: 1}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		begin := time.Now()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := range 500 { // 5 s, with the broker away from 1 s to 4 s
			switch i {
			case 100:
				b.down()
				b.cut(false)
			case 400:
				b.up()
			}
			<-tick.C
			submit(t, p, 1)
		}
		require.Equal(t, 5*time.Second, time.Since(begin))
		require.Equal(t, ids(1, 500), b.sent())
		require.EqualValues(t, 500, p.Counts().Published)

		tries := b.dials[1:]
		for i := 1; i < len(tries); i++ {
			full := min(20*time.Millisecond<<(i-1), 320*time.Millisecond)
			require.Greater(t, tries[i].Sub(tries[i-1]), full/2, "pause %d", i)
			require.LessOrEqual(t, tries[i].Sub(tries[i-1]), full, "pause %d", i)
		}
		require.Less(t, tries[len(tries)-1].Sub(begin), 4*time.Second+340*time.Millisecond)
	})
}

func TestPausesComeFromTheSeed(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (d []time.Duration) {
		rng := rand.New(rand.NewPCG(seed, 0))
		for try := range 20 {
			d = append(d, pause(try, rng))
		}
		return d
	}
	require.Equal(t, draw(1), draw(1))
	require.NotEqual(t, draw(1), draw(2))
}

func TestSubmitWhileAWriteBlocks(t *testing.T) {
	t.Parallel()
	publish(t, Options{}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		b.hold = make(chan struct{})
		begin := time.Now()
		submit(t, p, 1000)
		require.Equal(t, begin, time.Now())
		require.Empty(t, b.sent())
		close(b.hold)
		synctest.Wait()
		require.Equal(t, ids(1, 1000), b.sent())
	})
}

func TestBufferFull(t *testing.T) {
	t.Parallel()
	offered := 0
	publish(t, Options{Buffer: 100, OnOffer: func(uint64, uint8, bool) { offered++ }}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		b.down()
		b.cut(false)
		synctest.Wait()
		submit(t, p, 100)
		_, err := p.Submit(nil, Props{})
		require.ErrorIs(t, err, ErrFull)
		require.Equal(t, Counts{Offered: 100, Buffered: 100, Dropped: 1}, p.Counts())
		require.Equal(t, 100, offered, "a message that was turned away is not offered")
		b.up()
		time.Sleep(time.Second)
		require.Equal(t, ids(1, 100), b.sent())
		id, err := p.Submit(nil, Props{})
		require.NoError(t, err)
		require.EqualValues(t, 101, id, "ids have no gap")
	})
}

func TestBlockedBrokerGetsNothing(t *testing.T) {
	t.Parallel()
	publish(t, Options{}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		submit(t, p, 1)
		b.events.throttled(true, "low on memory")
		submit(t, p, 5)
		require.Equal(t, ids(1, 1), b.sent())
		b.events.confirmed(1, false, true)
		synctest.Wait()
		require.Equal(t, ids(1, 1), b.sent(), "a confirm does not unblock")
		b.events.throttled(false, "")
		synctest.Wait()
		require.Equal(t, ids(1, 6), b.sent())

		b.events.throttled(true, "low on memory")
		b.cut(false)
		time.Sleep(time.Second)
		submit(t, p, 1)
		require.Equal(t, ids(1, 7), b.sent(), "blocked ends with its connection")
	})
}

func TestRefusedAndReturned(t *testing.T) {
	t.Parallel()
	publish(t, Options{}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		submit(t, p, 4)
		b.events.bounced(2, "NO_ROUTE")
		b.events.confirmed(3, true, true)
		b.events.confirmed(4, false, false)
		require.NoError(t, p.Settled(t.Context()))
		require.Equal(t, Counts{Offered: 4, Published: 4, Confirmed: 2, Returned: 1, Refused: 1}, p.Counts())
	})
}

// A confirm that is lost on the way must not stop the load when a window of others has passed it.
func TestLostConfirmDoesNotStopTheLoad(t *testing.T) {
	t.Parallel()
	publish(t, Options{Window: 10}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		submit(t, p, 1)
		for tag := uint64(2); tag <= answerSpan+2; tag++ {
			submit(t, p, 1)
			b.events.confirmed(tag, false, true)
		}
		synctest.Wait()
		require.Len(t, b.sent(), answerSpan+2)
		require.NoError(t, p.Settled(t.Context()))
		require.Equal(t, Counts{Offered: answerSpan + 2, Published: answerSpan + 2, Confirmed: answerSpan + 1, Unknown: 1}, p.Counts())
	})
}

func TestSettledTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	publish(t, Options{Window: 2}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		require.NoError(t, p.Settled(t.Context()), "nothing was offered")
		submit(t, p, 5)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := p.Settled(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "3 messages unsent, 2 unconfirmed")
		require.NoError(t, p.Close(t.Context()))
		require.ErrorIs(t, p.Settled(t.Context()), ErrClosed, "a closed publisher will never send them")
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	publish(t, Options{}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		submit(t, p, 2)
		b.events.confirmed(1, false, true)
		require.NoError(t, p.Close(t.Context()))
		require.Equal(t, Counts{Offered: 2, Published: 2, Confirmed: 1, Unknown: 1}, p.Counts())
		_, err := p.Submit(nil, Props{})
		require.ErrorIs(t, err, ErrClosed)
		require.NoError(t, p.Settled(t.Context()), "nothing is unsent or in flight")
		require.Len(t, b.dials, 1, "a closed publisher does not reconnect")
	})
}

func TestCloseDuringAnOutage(t *testing.T) {
	t.Parallel()
	publish(t, Options{}, func(t *testing.T, p *Publisher, b *fakeBroker) {
		b.down()
		b.cut(false)
		time.Sleep(time.Second)
		begin := time.Now()
		require.NoError(t, p.Close(t.Context()))
		require.Equal(t, begin, time.Now())
	})
}

func TestSubmitErrors(t *testing.T) {
	t.Parallel()
	self := map[string]any{}
	self["self"] = self
	tests := []struct {
		name  string
		props Props
		want  string
	}{
		{"type", Props{Headers: map[string]any{"a": struct{}{}}}, `"a": a struct {} cannot be sent`},
		{"deep in a list", Props{Headers: map[string]any{"a": []any{1, uint(1)}}}, `"a": [1]: a uint cannot be sent`},
		{"contains itself", Props{Headers: self}, "nested more than 8 deep"},
		{"too large", Props{Headers: map[string]any{"a": string(make([]byte, 61<<10))}}, "at most"},
		{"long name", Props{Headers: map[string]any{string(make([]byte, 129)): 1}}, "name of 129 bytes"},
		{"content type", Props{ContentType: string(make([]byte, 256))}, "content type of 256 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			publish(t, Options{}, func(t *testing.T, p *Publisher, _ *fakeBroker) {
				_, err := p.Submit(nil, tt.props)
				require.ErrorContains(t, err, tt.want)
				require.Zero(t, p.Counts(), "nothing was offered")
			})
		})
	}
}

func TestOptionErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"no url", Options{Queue: "q"}, "URL"},
		{"bad url", Options{URL: "amqp://u:s3cret%@h:x", Queue: "q"}, "URL"},
		{"tls", Options{URL: "amqps://u:s3cret@h", Queue: "q"}, "TLS"},
		{"no queue", Options{URL: "amqp://u:s3cret@h"}, "Queue"},
		{"window", Options{URL: "amqp://u:s3cret@h", Queue: "q", Window: -1}, "Window"},
		{"nobody there", Options{URL: "amqp://u:s3cret@127.0.0.1:1", Queue: "q"}, "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), tt.o)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}
