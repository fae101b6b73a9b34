package proxy

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

// refusals counts what the guard refused, by reason. Its keys are all of guard.Reasons.
type refusals map[guard.Reason]*atomic.Int64

func newRefusals() refusals {
	r := refusals{}
	for _, reason := range guard.Reasons {
		r[reason] = new(atomic.Int64)
	}
	return r
}

// export shows the parts' own counts among the metrics.
func (p *Proxy) export() {
	count := func(n interface{ Load() int64 }) func() float64 { return func() float64 { return float64(n.Load()) } }
	b := p.Board
	b.Counter("shed_total", "Requests answered 429, because too many were under way.", func() float64 { return float64(p.Shed.Shed()) })
	b.Counter("ejections_refused_total", "Ejections that would have left too few in service.", func() float64 { return float64(p.Passive.Refused()) })
	b.Gauge("client_connections", "Connections of clients.", count(&p.Guard.Open))
	b.Counter("client_connections_turned_away_total", "Connections beyond the limit, answered 503 and closed.", count(&p.Guard.Turned))
	b.Gauge("slow_readers", "Clients that take an answer slowly.", count(&p.Flow.Slow))
	b.Gauge("slow_reader_bytes", "Bytes kept for them.", count(&p.Flow.Buffered))
	b.Counter("slow_readers_cut_total", "Clients that took too little of an answer for too long.", count(&p.Flow.Cut))
	labelled := func(name, help, label, value string, n interface{ Load() int64 }) {
		b.Registry().MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "proxy", Name: name, Help: help,
			ConstLabels: prometheus.Labels{label: value}}, count(n)))
	}
	for _, reason := range guard.Reasons {
		labelled("refused_total", "Connections ended because a request could be misunderstood, by reason.", "reason", string(reason), p.refused[reason])
	}
	if p.Cache == nil {
		return
	}
	for result, n := range map[string]*atomic.Int64{"hit": &p.Cache.Hits, "miss": &p.Cache.Misses, "revalidated": &p.Cache.Revalidated, "pass": &p.Cache.Passed} {
		labelled("cache_requests_total", "Requests by what the cache did: hit, miss (stored now), revalidated, or pass (it is of no use).", "result", result, n)
	}
	b.Gauge("cache_bytes", "Bytes of stored answers.", func() float64 { return float64(p.Cache.Used()) })
	b.Counter("cache_dropped_total", "Stored answers that had to make room.", count(&p.Cache.Dropped))
	b.Counter("cache_collapsed_total", "Requests answered with what another one had asked for.", count(&p.Cache.Collapsed))
}
