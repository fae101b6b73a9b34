package wire

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

var rounds = flag.Int("rounds", 20, "bursts of BenchmarkProxies through each proxy")

const (
	burst = 10_000 // messages
	pings = 100    // in a row, two times a round
)

// way is one way to the broker, with a queue of its own.
type way struct {
	*proxy
	pub, con   *amqp.Channel
	queue      string
	deliveries <-chan amqp.Delivery
	times      []float64 // of pings, ns
	rates      []float64 // of bursts, messages a second
	used       float64   // CPU time of the proxy in bursts, ns
}

// BenchmarkProxies compares the ways to a real broker: messages per second (100 B, published and at
// the same time consumed and acked), median time from publish to delivery, and CPU time of the proxy per
// message. The ways take turns, a hundred pings or a burst each, so that whatever else the machine
// does hits all of them alike. Run it with -benchtime 1x.
func BenchmarkProxies(b *testing.B) {
	var ways []*way
	for _, kind := range []string{"direct", "copy", "wire", "toxiproxy"} {
		ways = append(ways, newWay(b, kind))
	}
	for i := range 2 * *rounds {
		for k := range ways {
			ways[(i+k)%len(ways)].ping(b)
		}
	}
	for i := range *rounds {
		for k := range ways {
			ways[(i+k)%len(ways)].burst(b)
		}
	}
	for _, w := range ways {
		b.Run(w.kind, func(b *testing.B) {
			for b.Loop() { // measured above
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(w.rate(), "msg/s")
			b.ReportMetric(w.p50(), "p50-ns")
			b.ReportMetric(w.cpu(), "cpu-ns/msg")
			if w.kind == "wire" {
				compare(b, w, ways[0], ways[1], ways[3])
			}
		})
	}
}

// compare tells the wire's figures as shares of the others'.
func compare(b *testing.B, w, direct, bare, toxi *way) {
	added := w.p50() - direct.p50()
	b.ReportMetric(w.rate()/bare.rate(), "rate/copy")
	b.ReportMetric(added/(bare.p50()-direct.p50()), "added-p50/copy")
	b.ReportMetric(added/(toxi.p50()-direct.p50()), "added-p50/toxi")
	b.ReportMetric(w.cpu()/toxi.cpu(), "cpu/toxi")
}

func newWay(b *testing.B, kind string) *way {
	r := rabbit(b)
	w := &way{proxy: newProxy(b, kind, r.Addr())}
	url := strings.Replace(r.URL(""), r.Addr(), w.addr, 1)
	w.pub, w.con = benchChannel(b, url), benchChannel(b, url)
	q, err := w.con.QueueDeclare("", false, true, true, false, nil)
	require.NoError(b, err)
	w.queue = q.Name
	require.NoError(b, w.con.Qos(256, 0, false))
	w.deliveries, err = w.con.Consume(q.Name, "", false, true, false, false, nil)
	require.NoError(b, err)
	return w
}

func benchChannel(b *testing.B, url string) *amqp.Channel {
	conn, err := amqp.Dial(url)
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	require.NoError(b, err)
	return ch
}

func (w *way) send() error {
	return w.pub.Publish("", w.queue, false, false, amqp.Publishing{MessageId: "m1234567", Body: make([]byte, 100)})
}

func (w *way) ping(b *testing.B) {
	for range pings {
		start := time.Now()
		require.NoError(b, w.send())
		d := <-w.deliveries
		w.times = append(w.times, float64(time.Since(start).Nanoseconds()))
		require.NoError(b, d.Ack(false))
	}
}

func (w *way) burst(b *testing.B) {
	before, start := w.proxy.cpu(b), time.Now()
	sent := make(chan error, 1)
	go func() {
		for range burst {
			if err := w.send(); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for range burst {
		d := <-w.deliveries
		require.NoError(b, d.Ack(false))
	}
	require.NoError(b, <-sent)
	w.rates = append(w.rates, burst/time.Since(start).Seconds())
	w.used += w.proxy.cpu(b) - before
}

func (w *way) rate() float64 { return middle(w.rates) }
func (w *way) p50() float64  { return middle(w.times) }
func (w *way) cpu() float64  { return w.used / float64(burst*len(w.rates)) }

func middle(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
