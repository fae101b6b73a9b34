package usl_test

import (
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/harness/usl"
)

// A sweep over a server that was deployed with 8 workers.
func ExampleRecommend() {
	var points []usl.Point
	for _, round := range []float64{0.99, 1, 1.01} {
		for n, x := range map[int]float64{1: 100, 2: 168, 3: 201, 4: 213, 6: 205, 8: 184} {
			points = append(points, usl.Point{N: n, X: round * x})
		}
	}
	advice, err := usl.Recommend(points, usl.Options{})
	if err != nil {
		fmt.Println("no recommendation:", err)
		return
	}
	fmt.Printf("%d workers, and %d are nearly as good\n", advice.Best, advice.Enough)
	fmt.Println("8 are good enough:", advice.Keeps(8).High > 0.9)

	_, err = usl.Recommend(points[:6], usl.Options{})
	fmt.Println("no recommendation:", err)
	// Output:
	// 4 workers, and 3 are nearly as good
	// 8 are good enough: false
	// no recommendation: 1 workers were measured 1 times, want 3 or more
}
