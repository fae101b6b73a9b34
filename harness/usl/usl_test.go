package usl

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/optimize"
	"pgregory.net/rapid"
)

// sweep measures a server that obeys the law but for noise: so many rounds of each count, its throughput off
// by a lognormal factor.
func sweep(m Model, counts []int, rounds int, noise float64, seed uint64) []Point {
	random := rand.New(rand.NewPCG(seed, 1))
	var points []Point
	for range rounds {
		for _, n := range counts {
			points = append(points, Point{N: n, X: m.At(float64(n)) * math.Exp(noise*random.NormFloat64())})
		}
	}
	return points
}

var counts = []int{1, 2, 3, 4, 6, 8}

func model(t *rapid.T) Model {
	return Model{
		Lambda: rapid.Float64Range(0.1, 1e5).Draw(t, "lambda"),
		Sigma:  rapid.Float64Range(0, 0.9).Draw(t, "sigma"),
		Kappa:  rapid.Float64Range(1e-3, 0.5).Draw(t, "kappa"),
	}
}

func TestFitFindsTheLaw(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := model(t)
		got, err := Fit(sweep(m, counts, 1, 0, 0))
		require.NoError(t, err)
		require.InEpsilon(t, m.Lambda, got.Lambda, 1e-6)
		require.InDelta(t, m.Sigma, got.Sigma, 1e-6)
		require.InDelta(t, m.Kappa, got.Kappa, 1e-6)
	})
}

// What comes out of the law must not be negative, whatever goes in, and no near parameters fit better.
func TestFitIsTheBestThereIs(t *testing.T) {
	t.Parallel()
	misses := func(points []Point, m Model) (sum float64) {
		for _, p := range points {
			sum += square(1 - p.X/m.At(float64(p.N)))
		}
		return sum
	}
	rapid.Check(t, func(t *rapid.T) {
		points := sweep(model(t), counts, 1, 0.3, rapid.Uint64().Draw(t, "seed"))
		m, err := Fit(points)
		require.NoError(t, err)
		require.GreaterOrEqual(t, min(m.Lambda, m.Sigma, m.Kappa), 0.0)
		least := misses(points, m)
		for _, other := range []Model{
			{m.Lambda * 1.01, m.Sigma, m.Kappa}, {m.Lambda / 1.01, m.Sigma, m.Kappa}, {m.Lambda, m.Sigma + 0.01, m.Kappa},
			{m.Lambda, max(0, m.Sigma-0.01), m.Kappa}, {m.Lambda, m.Sigma, m.Kappa + 0.01}, {m.Lambda, m.Sigma, max(0, m.Kappa-0.01)},
		} {
			require.GreaterOrEqual(t, misses(points, other), least*(1-1e-9))
		}
	})
}

func TestFitRefusesWhatIsNoSweep(t *testing.T) {
	t.Parallel()
	for _, points := range [][]Point{
		nil, {{1, 10}, {2, 18}, {2, 19}}, {{0, 1}, {1, 1}, {2, 1}}, {{1, 0}, {2, 1}, {3, 1}}, {{1, math.NaN()}, {2, 1}, {3, 1}}, {{1, math.Inf(1)}, {2, 1}, {3, 1}},
	} {
		_, err := Fit(points)
		require.ErrorIs(t, err, ErrPoints)
	}
}

func TestPeak(t *testing.T) {
	t.Parallel()
	require.Equal(t, math.Inf(1), Model{Lambda: 1}.Peak(), "linear")
	require.Equal(t, math.Inf(1), Model{Lambda: 1, Sigma: 0.5}.Peak(), "levels off, and never falls")
	require.InDelta(t, 5, Model{Lambda: 1, Sigma: 0, Kappa: 0.04}.Peak(), 1e-9)
	require.Equal(t, 1.0, Model{Lambda: 1, Sigma: 1.2, Kappa: 0.1}.Peak(), "the second worker is too many")
	rapid.Check(t, func(t *rapid.T) {
		m := model(t)
		at := m.At(m.Peak())
		require.GreaterOrEqual(t, at, m.At(m.Peak()+0.1))
		require.GreaterOrEqual(t, at, m.At(max(1, m.Peak()-0.1)))
	})
}

// nelderMead fits by gonum's optimizer on logarithms: the other way that was tried; see docs/decisions.md.
func nelderMead(points []Point) (Model, error) {
	of := func(x []float64) Model { return Model{math.Exp(x[0]), math.Exp(x[1]), math.Exp(x[2])} }
	result, err := optimize.Minimize(optimize.Problem{Func: func(x []float64) (sum float64) {
		for _, p := range points {
			sum += square(math.Log(p.X / of(x).At(float64(p.N))))
		}
		return sum
	}}, []float64{math.Log(points[0].X), math.Log(0.1), math.Log(0.01)}, nil, &optimize.NelderMead{})
	if err != nil {
		return Model{}, err
	}
	return of(result.X), nil
}

func TestBothWaysOfFittingAgree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		points := sweep(Model{100, 0.1, 0.03}, counts, 4, 0.03, seed)
		linear, err := Fit(points)
		require.NoError(t, err)
		other, err := nelderMead(points)
		require.NoError(t, err)
		require.InEpsilon(t, other.Peak(), linear.Peak(), 0.02, "seed %d: %v and %v", seed, other, linear)
		require.InEpsilon(t, other.Lambda, linear.Lambda, 0.02)
	}
}

func BenchmarkFit(b *testing.B) {
	points := sweep(Model{100, 0.1, 0.03}, counts, 4, 0.03, 1)
	for name, fit := range map[string]func([]Point) (Model, error){"linear": Fit, "nelder-mead": nelderMead} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := fit(points); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
