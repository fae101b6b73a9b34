package load

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// BenchmarkConfirmed publishes 100-byte messages with confirms and a window of 1000 to a real broker:
// a bare loop on the client library in its two styles, then the Publisher from 1 and from 50 users.
//
//	go test -run - -bench Confirmed -benchtime 50000x -count 5 ./harness/load
func BenchmarkConfirmed(b *testing.B) {
	for _, mode := range []struct {
		name      string
		transient bool
	}{{"persistent", false}, {"transient", true}} {
		m := amqp.Publishing{Body: make([]byte, 100), DeliveryMode: amqp.Persistent}
		if mode.transient {
			m.DeliveryMode = amqp.Transient
		}
		b.Run(mode.name+"/bare-deferred", func(b *testing.B) { bare(b, m, deferredConfirms) })
		b.Run(mode.name+"/bare-notify", func(b *testing.B) { bare(b, m, notifiedConfirms) })
		for _, users := range []int{1, 50} {
			b.Run(fmt.Sprintf("%s/publisher-%d", mode.name, users), func(b *testing.B) {
				publisher(b, m.Body, Props{Transient: mode.transient}, users)
			})
		}
	}
}

const benchWindow = 1000

// measured reports throughput and this process's CPU, the broker's not included.
func measured(b *testing.B, f func()) {
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu()
	f()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(b.N), "cpu-ns/msg")
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func bare(b *testing.B, m amqp.Publishing, loop func(*testing.B, *amqp.Channel, func(i int) (string, amqp.Publishing))) {
	q, ch := queue(b, rabbit(b))
	require.NoError(b, ch.Confirm(false))
	next := func(i int) (string, amqp.Publishing) {
		m.MessageId, m.Timestamp = "m"+strconv.Itoa(i+1), time.Now()
		return q, m
	}
	measured(b, func() { loop(b, ch, next) })
}

func deferredConfirms(b *testing.B, ch *amqp.Channel, next func(int) (string, amqp.Publishing)) {
	window := make([]*amqp.DeferredConfirmation, benchWindow)
	for i := range b.N + benchWindow {
		if d := window[i%benchWindow]; d != nil && !d.Wait() {
			b.Fatal("refused")
		}
		window[i%benchWindow] = nil
		if i >= b.N {
			continue
		}
		q, m := next(i)
		d, err := ch.PublishWithDeferredConfirm("", q, true, false, m)
		require.NoError(b, err)
		window[i%benchWindow] = d
	}
}

func notifiedConfirms(b *testing.B, ch *amqp.Channel, next func(int) (string, amqp.Publishing)) {
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, benchWindow))
	for i := range b.N {
		if i >= benchWindow {
			<-confirms
		}
		q, m := next(i)
		require.NoError(b, ch.Publish("", q, true, false, m))
	}
	for range min(b.N, benchWindow) {
		<-confirms
	}
}

func publisher(b *testing.B, body []byte, props Props, users int) {
	q, _ := queue(b, rabbit(b))
	p := openOn(b, Options{URL: rabbit(b).URL("/"), Queue: q, Window: benchWindow, Buffer: b.N})
	measured(b, func() {
		var left atomic.Int64
		left.Store(int64(b.N))
		var wg sync.WaitGroup
		for range users {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					if _, err := p.Submit(body, props); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		require.NoError(b, p.Settled(bounded(b)))
	})
	require.EqualValues(b, b.N, p.Counts().Confirmed)
}

// BenchmarkSubmit is what a virtual user pays for a message, with the broker away.
func BenchmarkSubmit(b *testing.B) {
	o, err := Options{URL: "amqp://nowhere", Queue: "q", Buffer: b.N}.withDefaults()
	require.NoError(b, err)
	fake := &fakeBroker{}
	p, err := open(b.Context(), o, fake.dial)
	require.NoError(b, err)
	fake.down()
	fake.cut(false)
	body := make([]byte, 100)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := p.Submit(body, Props{}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	require.NoError(b, p.Close(b.Context()))
}
