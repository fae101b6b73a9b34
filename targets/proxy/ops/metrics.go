package ops

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/forward"
)

// classes are the label of status classes; a request without an answer has none.
var classes = [6]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// metrics counts what the proxy does. What can be asked for when it is wanted is not counted here.
type metrics struct {
	requests [6]prometheus.Counter
	seconds  prometheus.Histogram
	retries  *prometheus.CounterVec
	failures *prometheus.CounterVec
	reloads  *prometheus.CounterVec
	changes  *prometheus.CounterVec
}

func newMetrics(r *prometheus.Registry, b *Board) *metrics {
	counter := func(name, help, label string, values ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "proxy", Name: name, Help: help}, []string{label})
		for _, v := range values {
			c.WithLabelValues(v)
		}
		r.MustRegister(c)
		return c
	}
	m := &metrics{
		retries:  counter("retries_total", "Requests given to another backend (made), or not because of the budget.", "result", "made", "over budget"),
		failures: counter("failures_total", "Answers of the proxy's own, and answers that broke off, by cause.", "cause", forward.Causes...),
		reloads:  counter("reloads_total", "Readings of the file of backends by result.", "result", "ok", "failed"),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "proxy", Name: "backend_changes_total",
			Help: "Changes of a backend's state, by the new one."}, []string{"backend", "to"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "proxy", Name: "request_seconds",
			Help: "Time from a request's head to the end of its answer.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 18)}),
	}
	requests := counter("requests_total", "Requests by the class of the answer's status; none: the connection was given up.", "class", classes[:]...)
	for i, c := range classes {
		m.requests[i] = requests.WithLabelValues(c)
	}
	r.MustRegister(m.changes, m.seconds, poolCollector{b.Pool},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	b.Gauge("active_requests", "Requests under way.", func() float64 { return float64(b.Active()) })
	b.Gauge("queued_requests", "Requests that wait because every backend is at its limit.", func() float64 { return float64(b.Pool.Queued()) })
	b.Gauge("requests_per_minute", "Requests of the last sixty seconds.", func() float64 { return float64(b.minute.Sum(time.Now())) })
	b.Gauge("capacity_requests", "Requests that the backends in service may work on at the same time.", func() float64 { return float64(b.Pool.Capacity()) })
	return m
}

// Gauge shows a value that is asked for when it is wanted; Counter one that only grows.
func (b *Board) Gauge(name, help string, value func() float64) {
	b.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "proxy", Name: name, Help: help}, value))
}

// Counter shows a value that only grows.
func (b *Board) Counter(name, help string, value func() float64) {
	b.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "proxy", Name: name, Help: help}, value))
}

// Retried and Failed implement forward.Observer.
func (b *Board) Retried(result string) { b.metrics.retries.WithLabelValues(result).Inc() }

// Failed counts an answer of the proxy's own.
func (b *Board) Failed(cause string) { b.metrics.failures.WithLabelValues(cause).Inc() }

// Reloaded counts a reading of the file of backends.
func (b *Board) Reloaded(err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	b.metrics.reloads.WithLabelValues(result).Inc()
}

// Changed counts a change of a backend's state.
func (b *Board) Changed(c backend.Change) {
	b.metrics.changes.WithLabelValues(c.Backend, string(c.To)).Inc()
}

// poolCollector tells of the backends as they are when it is asked, so that nothing stays of those that went.
type poolCollector struct{ pool *backend.Pool }

var (
	stateDesc  = prometheus.NewDesc("proxy_backend_state", "1 for the state that a backend is in.", []string{"backend", "state"}, nil)
	infoDesc   = prometheus.NewDesc("proxy_backend_info", "1, with the reason of a backend's state.", []string{"backend", "url", "version", "state", "reason"}, nil)
	activeDesc = prometheus.NewDesc("proxy_backend_active_requests", "Requests that a backend works on.", []string{"backend"}, nil)
	answerDesc = prometheus.NewDesc("proxy_backend_answers_total", "Attempts at a backend by the class of its answer; none: there was none.", []string{"backend", "class"}, nil)
)

// Describe implements prometheus.Collector.
func (c poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{stateDesc, infoDesc, activeDesc, answerDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. Two backends of one name, of which one drains, are one.
func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	active := map[string]int64{}
	answers := map[string][6]int64{}
	shown := map[string]backend.Status{}
	for _, s := range c.pool.List() {
		active[s.Name] += s.Active
		sum := answers[s.Name]
		for i, n := range s.Answers {
			sum[i] += n
		}
		answers[s.Name] = sum
		if before, ok := shown[s.Name]; !ok || before.State == backend.Draining {
			shown[s.Name] = s
		}
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for name, s := range shown {
		for _, state := range backend.States {
			is := 0.0
			if state == s.State {
				is = 1
			}
			gauge(stateDesc, is, name, string(state))
		}
		gauge(infoDesc, 1, name, s.URL, s.Version, string(s.State), s.Reason)
		gauge(activeDesc, float64(active[name]), name)
		for i, n := range answers[name] {
			ch <- prometheus.MustNewConstMetric(answerDesc, prometheus.CounterValue, float64(n), name, classes[i])
		}
	}
}
