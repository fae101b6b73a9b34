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

var rounds = flag.Int("rounds", 5, "rounds of BenchmarkProxies; each takes every proxy once, in changing order")

const (
	benchMessages = 50_000 // a round and proxy
	benchPings    = 2_000
)

// figures are one round's, or the medians of all.
type figures struct{ rate, p50, cpu float64 }

// BenchmarkProxies compares the ways to a real broker, in turns, so that what else the machine does
// hits all of them: messages per second (published and at the same time consumed and acked, 100 B), median
// time from publish to delivery, and CPU time of the proxy per message. Run with -benchtime 1x.
func BenchmarkProxies(b *testing.B) {
	r := rabbit(b)
	var all []*proxy
	for _, kind := range []string{"direct", "copy", "wire", "toxiproxy"} {
		all = append(all, newProxy(b, kind, r.Addr()))
	}
	got := map[string][]figures{}
	for round := range *rounds {
		for i := range all {
			p := all[(i+round)%len(all)]
			got[p.kind] = append(got[p.kind], measure(b, p, strings.Replace(r.URL(""), r.Addr(), p.addr, 1)))
		}
	}
	for _, p := range all {
		b.Run(p.kind, func(b *testing.B) {
			for b.Loop() { // measured above
			}
			m := median(got[p.kind])
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(m.rate, "msg/s")
			b.ReportMetric(m.p50, "p50-ns")
			b.ReportMetric(m.cpu, "cpu-ns/msg")
			if p.kind == "wire" {
				report(b, got)
			}
		})
	}
}

// report tells the wire's figures as shares of the others', each the median over the rounds.
func report(b *testing.B, got map[string][]figures) {
	share := func(of string, f func(w, o, direct figures) float64) float64 {
		var all []float64
		for i, w := range got["wire"] {
			all = append(all, f(w, got[of][i], got["direct"][i]))
		}
		return middle(all)
	}
	added := func(w, o, direct figures) float64 { return (w.p50 - direct.p50) / (o.p50 - direct.p50) }
	b.ReportMetric(share("copy", func(w, o, _ figures) float64 { return w.rate / o.rate }), "rate/copy")
	b.ReportMetric(share("copy", added), "added-p50/copy")
	b.ReportMetric(share("toxiproxy", added), "added-p50/toxi")
	b.ReportMetric(share("toxiproxy", func(w, o, _ figures) float64 { return w.cpu / o.cpu }), "cpu/toxi")
}

func median(all []figures) figures {
	pick := func(f func(figures) float64) float64 {
		var v []float64
		for _, x := range all {
			v = append(v, f(x))
		}
		return middle(v)
	}
	return figures{pick(func(f figures) float64 { return f.rate }), pick(func(f figures) float64 { return f.p50 }), pick(func(f figures) float64 { return f.cpu })}
}

func middle(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func measure(b *testing.B, p *proxy, url string) (f figures) {
	pub, con := benchChannel(b, url), benchChannel(b, url)
	q, err := con.QueueDeclare("", false, true, true, false, nil)
	require.NoError(b, err)
	require.NoError(b, con.Qos(256, 0, false))
	deliveries, err := con.Consume(q.Name, "", false, true, false, false, nil)
	require.NoError(b, err)
	msg := amqp.Publishing{MessageId: "m1234567", Body: make([]byte, 100)}
	send := func() { require.NoError(b, pub.Publish("", q.Name, false, false, msg)) }

	times := make([]float64, benchPings)
	for i := range times {
		start := time.Now()
		send()
		d := <-deliveries
		times[i] = float64(time.Since(start).Nanoseconds())
		require.NoError(b, d.Ack(false))
	}
	f.p50 = middle(times)

	before, start := p.cpu(b), time.Now()
	go func() {
		for range benchMessages {
			send()
		}
	}()
	for range benchMessages {
		d := <-deliveries
		require.NoError(b, d.Ack(false))
	}
	f.rate = benchMessages / time.Since(start).Seconds()
	f.cpu = (p.cpu(b) - before) / benchMessages
	return f
}

func benchChannel(b *testing.B, url string) *amqp.Channel {
	conn, err := amqp.Dial(url)
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	require.NoError(b, err)
	return ch
}
