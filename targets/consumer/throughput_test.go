package consumer_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
)

// BenchmarkJobs measures whole jobs: delivery, an AI process that takes 2 ms, report, ack. Broker and
// fakes share the machine with the consumer.
func BenchmarkJobs(b *testing.B) {
	l := consumertest.New(b)
	l.AI.Answers(func(http.ResponseWriter, string) bool { time.Sleep(2 * time.Millisecond); return false })
	ids := l.SubmitBefore(b, b.N)
	l.Start(b, nil, "CONCURRENCY=8", "AMQP_PREFETCH=32", "MEMORY_CHECK_INTERVAL=1s", "AI_CHECK_INTERVAL=1s")
	l.AwaitReady(b)
	b.ResetTimer()
	start := time.Now()
	require.Eventually(b, func() bool { return l.API.Keys() >= len(ids) }, time.Minute, time.Millisecond)
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "jobs/s")
}
