package upstream

import (
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Latency is how long requests take: always Median without P99, else lognormal, as services are.
type Latency struct {
	Median script.Duration `json:"median,omitempty"` // 0: 5 ms
	P99    script.Duration `json:"p99,omitempty"`    // above Median
}

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

func (l Latency) check() error {
	if err := script.CheckDelay("latency median", l.Median); err != nil {
		return err
	}
	if err := script.CheckDelay("latency p99", l.P99); err != nil {
		return err
	}
	if l.P99 != 0 && (l.Median == 0 || l.P99 <= l.Median) {
		return fmt.Errorf("latency p99 %v must be above the median %v", l.P99, l.Median)
	}
	return nil
}

// at gives the latency at quantile u, in [0, 1).
func (l Latency) at(u float64) time.Duration {
	if l.P99 == 0 {
		return time.Duration(l.Median)
	}
	sigma := math.Log(float64(l.P99)/float64(l.Median)) / z99
	z := math.Sqrt2 * math.Erfinv(2*u-1) // -Inf at 0: no latency
	return time.Duration(min(float64(l.Median)*math.Exp(sigma*z), float64(script.MaxDelay)))
}

// chance gives a number in [0, 1) that depends on its arguments alone; what tells draws for one request apart.
func chance(seed uint64, what, id string) float64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %s", seed, what, id) // never fails
	// FNV's high bits hardly depend on the last bytes: mix them (the end of SplitMix64).
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}
