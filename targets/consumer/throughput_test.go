package consumer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
)

// What both sides of BenchmarkJobs are given.
const (
	benchRounds   = 10
	benchWorkers  = 8
	benchPrefetch = 32
)

// BenchmarkJobs measures whole jobs with an AI process that answers at once: delivery, image, report,
// ack. "bare" is the least that does the same calls: a loop over the client library's deliveries, as
// many workers, no doubt about any answer, no limits of time, no memory of what was done, no healing.
// Broker and fakes share the machine with both, and it is never equally fast for long: so the sides
// take turns, and benchstat -col /side -ignore /round compares them.
func BenchmarkJobs(b *testing.B) {
	sides := []struct {
		name  string
		start func(*testing.B, *consumertest.Lab)
	}{{"bare", startBare}, {"consumer", startConsumer}}
	for round := range benchRounds {
		for _, side := range sides {
			b.Run(fmt.Sprintf("round=%d/side=%s", round+1, side.name), func(b *testing.B) { benchJobs(b, side.start) })
		}
		slices.Reverse(sides) // who follows whom must not matter
	}
}

func benchJobs(b *testing.B, start func(*testing.B, *consumertest.Lab)) {
	l := consumertest.New(b)
	ids := l.SubmitBefore(b, b.N)
	begin := time.Now()
	b.ResetTimer()
	start(b, l)
	require.Eventually(b, func() bool { return l.API.Keys() >= len(ids) }, 5*time.Minute, time.Millisecond)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "jobs/s")
	l.AwaitEmpty(b)
}

func startConsumer(b *testing.B, l *consumertest.Lab) {
	l.Start(b, nil, "CONCURRENCY=8", "AMQP_PREFETCH=32", "MEMORY_CHECK_INTERVAL=1s", "AI_CHECK_INTERVAL=1s")
}

func startBare(b *testing.B, l *consumertest.Lab) {
	conn, err := amqp.Dial(l.URL)
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	require.NoError(b, err)
	require.NoError(b, ch.Qos(benchPrefetch, 0, false))
	deliveries, err := ch.Consume("jobs", "", false, false, false, false, nil)
	require.NoError(b, err)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchWorkers}}
	for range benchWorkers {
		go func() {
			for d := range deliveries {
				if err := bareJob(b.Context(), client, l, d); err != nil {
					b.Error(err)
					return
				}
			}
		}()
	}
}

// bareJob makes the calls of one job, with the same headers and bytes as the consumer, and takes every
// answer for a good one.
func bareJob(ctx context.Context, client *http.Client, l *consumertest.Lab, d amqp.Delivery) error {
	answer, err := call(ctx, client, http.MethodPost, l.AI.URL()+"/sdapi/v1/txt2img", d.Body,
		"Content-Type", "application/json", "X-Request-Id", d.MessageId)
	if err != nil {
		return err
	}
	var parsed struct{ Images []string }
	if err := json.Unmarshal(answer, &parsed); err != nil {
		return err
	}
	image, err := base64.StdEncoding.DecodeString(parsed.Images[0])
	if err != nil {
		return err
	}
	if _, err := call(ctx, client, http.MethodPut, l.API.URL+"/images/"+d.MessageId, image,
		"Content-Type", "image/png", "Idempotency-Key", d.MessageId, "X-Request-Id", d.MessageId); err != nil {
		return err
	}
	return d.Ack(false)
}

func call(ctx context.Context, client *http.Client, method, url string, body []byte, headers ...string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}
