// Package ops is what operators see of the proxy: Prometheus metrics, the endpoints /healthz (every backend
// by name), /readyz (200 only while a backend is in service and nobody has told the proxy to stop) and
// /metrics, the log of accesses, and the id by which a request is found again. Board is its central type.
// It decides nothing.
package ops
