package consumer_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
)

// BenchmarkMemory runs 200,000 jobs through the consumer as a process of its own and tells its resident
// memory after each quarter. From the first quarter on it has to stay flat: what the consumer remembers
// of finished jobs is bounded (65,536).
func BenchmarkMemory(b *testing.B) {
	const jobs, quarters, batch = 200_000, 4, 10_000
	for range b.N {
		l := consumertest.New(b)
		p := start(b, append(environment(l), "CONCURRENCY=8", "AMQP_PREFETCH=32")...)
		p.awaitReady(b)
		for done := 0; done < jobs; {
			l.Submit(b, batch)
			done += batch
			require.Eventually(b, func() bool { return l.API.Keys() >= done }, 2*time.Minute, 5*time.Millisecond)
			if done%(jobs/quarters) == 0 {
				b.ReportMetric(resident(b, p.cmd.Process.Pid), fmt.Sprintf("MB-after-%dk", done/1000))
			}
		}
	}
}

// resident is a process's resident memory in MB.
func resident(t testing.TB, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	require.NoError(t, err)
	var size, rss int
	_, err = fmt.Sscan(string(text), &size, &rss)
	require.NoError(t, err)
	return float64(rss) * float64(os.Getpagesize()) / 1e6
}
