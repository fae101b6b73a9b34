// Package ops is what operators see of the consumer: its state, Prometheus metrics, and the HTTP
// endpoints /healthz (every part by name), /readyz (200 only while consuming) and /metrics. Board is
// its central type. It decides nothing.
package ops
