package aiworker

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// BenchmarkJobs drives a worker's process from 8 callers, 2 ms a job, 8 at a time: 4000/s at best.
func BenchmarkJobs(b *testing.B) {
	r := newRig(b, Script{Warm: script.Duration(2 * time.Millisecond), Concurrency: 8})
	r.start()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	var failed atomic.Int64
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			res, err := client.Post("http://"+r.addr+"/sdapi/v1/txt2img", "application/json", strings.NewReader(`{"prompt":"a cat"}`))
			if err != nil || res.StatusCode != 200 {
				failed.Add(1)
				continue
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
	require.Zero(b, failed.Load())
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}
