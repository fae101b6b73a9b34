package ops

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the consumer does. Every label value is known beforehand, so that each series
// is there from the start.
type Metrics struct {
	jobs         *prometheus.CounterVec
	inFlight     prometheus.Gauge
	seconds      prometheus.Histogram
	reconnects   *prometheus.CounterVec
	restarts     *prometheus.CounterVec
	terminations *prometheus.CounterVec
	alerts       *prometheus.CounterVec
	state        *prometheus.GaugeVec
}

func newMetrics(r *prometheus.Registry) *Metrics {
	counter := func(name, help, label string, values ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "consumer", Name: name, Help: help}, []string{label})
		for _, v := range values {
			c.WithLabelValues(v)
		}
		r.MustRegister(c)
		return c
	}
	m := &Metrics{
		jobs:         counter("jobs_total", "Deliveries by outcome.", "outcome", "done", "unacked", "repeated", "retried", "dead", "handed-back"),
		reconnects:   counter("reconnects_total", "Connections made and channels left, by kind.", "kind", "connection", "publisher", "channel"),
		restarts:     counter("restarts_total", "Restarts of the AI process by result.", "result", "ok", "failed"),
		terminations: counter("terminations_total", "Terminations of the instance by result.", "result", "ok", "failed"),
		alerts:       counter("alerts_total", "Messages to the alert webhook by kind; lost ones were not accepted.", "kind", "alert", "all-clear", "lost"),
		inFlight:     prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "consumer", Name: "jobs_in_flight", Help: "Jobs that are being worked on."}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "consumer", Name: "job_seconds",
			Help: "Time from the start of a job to its settlement.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 16)}),
		state: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "consumer", Name: "state", Help: "1 for the state that the consumer is in."}, []string{"state"}),
	}
	for _, s := range States {
		m.state.WithLabelValues(string(s))
	}
	r.MustRegister(m.inFlight, m.seconds, m.state)
	return m
}

// Started notes the start of a job, Ended its end.
func (m *Metrics) Started() { m.inFlight.Inc() }

// Ended notes the end of a job.
func (m *Metrics) Ended(outcome string, took time.Duration) {
	m.inFlight.Dec()
	m.jobs.WithLabelValues(outcome).Inc()
	m.seconds.Observe(took.Seconds())
}

// Reconnected counts; kind is connection, publisher or channel.
func (m *Metrics) Reconnected(kind string) { m.reconnects.WithLabelValues(kind).Inc() }

// Restarted counts a restart of the AI process.
func (m *Metrics) Restarted(err error) { m.restarts.WithLabelValues(result(err)).Inc() }

// Terminated counts a termination call.
func (m *Metrics) Terminated(err error) { m.terminations.WithLabelValues(result(err)).Inc() }

// Alerted counts a message to the webhook; kind is alert or all-clear.
func (m *Metrics) Alerted(kind string, err error) {
	if err != nil {
		kind = "lost"
	}
	m.alerts.WithLabelValues(kind).Inc()
}

func result(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}
