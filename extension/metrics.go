package extension

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/metrics"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

// registered are the metrics that any k6 output sees.
type registered struct {
	latency, recovery                                  *metrics.Metric // Trend, time
	backlog                                            *metrics.Metric // Gauge
	lost, duplicates, redelivered, unexpected, unknown *metrics.Metric // Counter
	pass                                               *metrics.Metric // Rate: 1 for a passed check
}

// registerMetrics must run in the init context of a VU; the registry gives the same metrics to all.
func (s *session) registerMetrics(vu modules.VU) error {
	registry := vu.InitEnv().Registry
	var m registered
	for _, r := range []struct {
		to     **metrics.Metric
		name   string
		kind   metrics.MetricType
		values []metrics.ValueType
	}{
		{&m.latency, "comeback_latency", metrics.Trend, []metrics.ValueType{metrics.Time}},
		{&m.recovery, "comeback_recovery_time", metrics.Trend, []metrics.ValueType{metrics.Time}},
		{&m.backlog, "comeback_backlog", metrics.Gauge, nil},
		{&m.lost, "comeback_lost", metrics.Counter, nil},
		{&m.duplicates, "comeback_duplicates", metrics.Counter, nil},
		{&m.redelivered, "comeback_redelivered", metrics.Counter, nil},
		{&m.unexpected, "comeback_unexpected", metrics.Counter, nil},
		{&m.unknown, "comeback_unknown", metrics.Counter, nil},
		{&m.pass, "comeback_checks", metrics.Rate, nil},
	} {
		metric, err := registry.NewMetric(r.name, r.kind, r.values...)
		if err != nil {
			return fmt.Errorf("register metric %s: %w", r.name, err)
		}
		*r.to = metric
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metrics = m
	return nil
}

// samplePeriod is how often latencies and the backlog go to k6's outputs.
const samplePeriod = 200 * time.Millisecond

// samples pushes the lab's figures to k6 until the test's end, and the verdict's at its end.
type samples struct {
	m    registered
	tags *metrics.TagSet
	out  chan<- metrics.SampleContainer
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// startSamples begins to push. state is the VU's that runs setup: its channel lives as long as the test.
func (s *session) startSamples(lab *harness.Lab, state *lib.State) *samples {
	ctx, stop := context.WithCancel(context.Background())
	p := &samples{m: s.metrics, tags: state.Tags.GetCurrentValues().Tags, out: state.Samples, stop: stop}
	p.wg.Go(func() {
		tick := time.NewTicker(samplePeriod)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				live := lab.Live()
				p.push(p.m.backlog, float64(live.Backlog))
				for _, latency := range live.Latencies {
					p.push(p.m.latency, metrics.D(latency))
				}
			}
		}
	})
	return p
}

// close pushes the judgement's figures. It must end before k6 is told that the test's end was
// handled: k6 closes the channel then.
func (p *samples) close(j *check.Judgement) {
	p.stop()
	p.wg.Wait()
	if j == nil {
		return
	}
	total := j.Ledger.Total
	p.push(p.m.lost, float64(total.Lost))
	p.push(p.m.duplicates, float64(total.Duplicates))
	p.push(p.m.redelivered, float64(total.Redelivered))
	p.push(p.m.unexpected, float64(total.Unexpected))
	p.push(p.m.unknown, float64(total.Unknown))
	if j.Recovery.Recovered {
		p.push(p.m.recovery, metrics.D(j.Recovery.After))
	}
	for _, r := range j.Results {
		value := 0.0
		if r.Verdict == check.Pass {
			value = 1
		}
		p.pushTagged(p.m.pass, p.tags.With("check", r.Check), value)
	}
}

func (p *samples) push(m *metrics.Metric, value float64) { p.pushTagged(m, p.tags, value) }

func (p *samples) pushTagged(m *metrics.Metric, tags *metrics.TagSet, value float64) {
	p.out <- metrics.Sample{
		TimeSeries: metrics.TimeSeries{Metric: m, Tags: tags}, Time: time.Now(), Value: value,
	}
}
