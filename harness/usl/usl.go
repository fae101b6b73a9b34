// Package usl fits the Universal Scalability Law to measured throughputs, and tells how many workers are right,
// how sure that is, or why it cannot be told.
//
// Fit gives the Model, Recommend the Advice with its uncertainty or a Refusal. All of it is pure: it measures
// nothing and knows nothing of servers. The law is N. J. Gunther's (Guerrilla Capacity Planning, 2007, chapter 4).
package usl

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Point is one measurement: N workers gave a throughput of X.
type Point struct {
	N int     // 1 or more
	X float64 // requests a second, above 0
}

// Model is the law X(N) = λN / (1 + σ(N−1) + κN(N−1)).
type Model struct {
	Lambda float64 `json:"lambda"` // requests a second that one worker gives by itself; above 0
	Sigma  float64 `json:"sigma"`  // contention: the share of the work that waits for its turn; 0 or more
	Kappa  float64 `json:"kappa"`  // coherency: what each pair of workers costs; 0 or more
}

// At is the throughput of n workers.
func (m Model) At(n float64) float64 {
	return m.Lambda * n / (1 + m.Sigma*(n-1) + m.Kappa*n*(n-1))
}

// Peak is the number of workers, 1 or more and seldom whole, beyond which throughput falls. It is infinite where it
// never does.
func (m Model) Peak() float64 {
	switch {
	case m.Sigma >= 1:
		return 1
	case m.Kappa == 0:
		return math.Inf(1)
	}
	return max(1, math.Sqrt((1-m.Sigma)/m.Kappa))
}

// best is the whole number from low to high with the highest throughput; of equal ones the smallest.
func (m Model) best(low, high int) int {
	best := low
	for n := low + 1; n <= high; n++ {
		if m.At(float64(n)) > m.At(float64(best)) {
			best = n
		}
	}
	return best
}

// ErrPoints says that points cannot be fitted: fewer than three different numbers of workers, or a figure out of
// its range.
var ErrPoints = errors.New("these measurements cannot be fitted")

// Fit gives the model nearest to the points, in relative terms: a tenth too much of a small throughput weighs as
// much as a tenth too much of a large one. Time a request and worker, N/X, is linear in 1/λ, σ/λ and κ/λ; none
// of these may be negative. Which of them are 0 is tried out: the best of the fits without a negative one is the
// best there is, as the problem is convex. (Of measurements that are nothing like the law, the best may have an
// infinite λ; these get the best finite one, which does not fit either.)
func Fit(points []Point) (Model, error) {
	counts := map[int]bool{}
	for _, p := range points {
		if p.N < 1 || !(p.X > 0) || math.IsInf(p.X, 0) {
			return Model{}, fmt.Errorf("%w: %d workers gave %v/s, want 1 or more and above 0", ErrPoints, p.N, p.X)
		}
		counts[p.N] = true
	}
	if len(counts) < 3 {
		return Model{}, fmt.Errorf("%w: %d different numbers of workers, want 3 or more", ErrPoints, len(counts))
	}
	best, least := Model{}, math.Inf(1)
	for _, terms := range [][]int{{0, 1, 2}, {0, 1}, {0, 2}, {0}} {
		c, rest, err := solve(points, terms)
		if err != nil || c[0] <= 0 || c[1] < 0 || c[2] < 0 || rest >= least {
			continue
		}
		best, least = Model{Lambda: 1 / c[0], Sigma: c[1] / c[0], Kappa: c[2] / c[0]}, rest
	}
	if math.IsInf(least, 1) {
		return Model{}, fmt.Errorf("%w: their figures are beyond what can be computed with", ErrPoints)
	}
	return best, nil
}

// solve gives the coefficients of the terms 1, N−1 and N(N−1), those that are not listed 0, and the sum of the
// squares of what is left over.
func solve(points []Point, terms []int) (c [3]float64, rest float64, err error) {
	a, b := mat.NewDense(len(points), len(terms), nil), mat.NewVecDense(len(points), nil)
	for i, p := range points {
		n := float64(p.N)
		weight := p.X / n // of an error relative to N/X
		for j, term := range terms {
			a.Set(i, j, weight*[3]float64{1, n - 1, n * (n - 1)}[term])
		}
		b.SetVec(i, 1)
	}
	var x, left mat.VecDense
	if err := x.SolveVec(a, b); err != nil {
		return c, 0, err
	}
	for j, term := range terms {
		c[term] = x.AtVec(j)
	}
	left.MulVec(a, &x)
	left.SubVec(b, &left)
	return c, mat.Dot(&left, &left), nil
}

// medians gives each number of workers once, with the median of its throughputs, in the order of numbers.
func medians(points []Point) []Point {
	by := map[int][]float64{}
	for _, p := range points {
		by[p.N] = append(by[p.N], p.X)
	}
	var all []Point
	for n, xs := range by {
		slices.Sort(xs)
		all = append(all, Point{N: n, X: (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2})
	}
	slices.SortFunc(all, func(a, b Point) int { return cmp.Compare(a.N, b.N) })
	return all
}
