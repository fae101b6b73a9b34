package recovery_test

import (
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/recovery"
)

func ExampleMeasure() {
	run := recovery.Known{Recovery: 500 * time.Millisecond}

	var series recovery.Series
	events := run.Events()
	for i := range events {
		series.Observe(&events[i])
	}
	steady, err := recovery.Steady(&series, 0, 3*time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	outcome := recovery.Measure(&series, steady, run.Heal(), recovery.Hold)
	fmt.Println(outcome.Reason)
	// Output: back in range 0.510s after the heal and stayed (rate ≥ 81.0/s, latency ≤ 32.5ms, backlog ≤ 5)
}
