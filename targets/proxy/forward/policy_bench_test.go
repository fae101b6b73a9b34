package forward_test

import (
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/forward"
)

// BenchmarkPolicies measures what a bulkhead and a retry policy with a budget cost a request that goes well: ours,
// choice of the backend included, and failsafe-go's.
func BenchmarkPolicies(b *testing.B) {
	do := func() error { return nil }
	b.Run("ours", func(b *testing.B) {
		l := newLab(b, ok, ok)
		share := forward.NewShare(0.2, 1)
		b.ReportAllocs()
		for b.Loop() {
			share.Request(time.Now())
			backend, err := l.Pool.Acquire(b.Context(), nil)
			if err != nil || do() != nil {
				b.Fatal(err)
			}
			backend.Release()
		}
	})
	b.Run("failsafe-go", func(b *testing.B) {
		retry := retrypolicy.NewBuilder[any]().WithMaxRetries(2).WithBudget(budget.New()).Build()
		both := failsafe.With(retry, bulkhead.New[any](100))
		b.ReportAllocs()
		for b.Loop() {
			if err := both.Run(do); err != nil {
				b.Fatal(err)
			}
		}
	})
}
