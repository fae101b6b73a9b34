package upstream

import (
	"net/http"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
)

// BenchmarkProcess is what a request costs, its two records in the lab included.
func BenchmarkProcess(b *testing.B) {
	var remote Remote
	var records atomic.Int64
	remote.OnRecord = func(Record) { records.Add(1) }
	require.NoError(b, remote.Push(b.Context(), Script{Latency: brief}))
	dir := b.TempDir()
	server, err := control.Listen(filepath.Join(dir, "private", "s"), control.Mux{Role: &remote}, nil)
	require.NoError(b, err)
	defer server.Close()
	done := make(chan error, 1)
	go func() { done <- Run(b.Context(), Options{Socket: server.Path()}) }()
	addr, err := remote.AwaitReady(b.Context())
	require.NoError(b, err)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.SetParallelism(16)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequest(http.MethodGet, "http://"+addr+"/", nil)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set(RequestID, strconv.FormatInt(n.Add(1), 10))
			res, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			res.Body.Close()
		}
	})
	b.StopTimer()
	require.NoError(b, server.Close())
	require.ErrorIs(b, <-done, control.ErrLabGone)
	b.ReportMetric(float64(records.Load())/float64(b.N), "records/op")
}
