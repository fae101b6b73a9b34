package usl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// What a recommendation needs. Three parameters are fitted: with three numbers of workers every sweep fits.
const (
	MinCounts = 5    // different numbers of workers
	MinRounds = 3    // measurements of each
	MaxNoise  = 0.15 // by which the measurements of one number may differ from their median (root mean square)
	MaxMisfit = 0.10 // by which the medians may differ from the model (root mean square)

	// A misfit of which noise explains little is no chance: above this, and above so many times the noise, the
	// server does something else than the law says, such as taking a step.
	MaxUnexplained = 0.05
	timesNoise     = 3
)

// The interval that is given: 5 of 100 resamples are below it, and 5 above.
const (
	lowQuantile  = 0.05
	highQuantile = 0.95
)

// Options of Recommend. The zero value works.
type Options struct {
	Share     float64 // of the highest throughput that is good enough, above 0, at most 1; 0: 0.9
	Resamples int     // 0: 1000
	Seed      uint64  // of the resamples
}

// Refusal says why no number is recommended. It tells what to do about it.
type Refusal struct{ Why string }

// Error gives Why.
func (r *Refusal) Error() string { return r.Why }

func refuse(format string, args ...any) *Refusal { return &Refusal{fmt.Sprintf(format, args...)} }

// Span is the middle 90 % of what resampling gives. With as few measurements as a sweep has that is somewhat too
// narrow: it held the true peak in 689 of 800 synthetic sweeps (86 %).
type Span struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Advice is what a sweep says. Nothing in it is extrapolated: Best and Enough lie within the sweep.
type Advice struct {
	Model     Model
	Best      int     // workers with the highest throughput
	BestSpan  Span    // of Best
	Enough    int     // fewest workers that give Options.Share of it
	Peak      Span    // of Model.Peak; High may be infinite
	Noise     float64 // see MaxNoise
	Misfit    float64 // see MaxMisfit
	low, high int     // of the sweep
	resampled []Model
}

// Recommend fits the law to a sweep, in which each number of workers was measured several times. Its error is a
// *Refusal when the sweep does not allow a recommendation; the Advice then has what could be found, at least where
// its Model is not zero. What the resamples vary is what the model leaves over of each measurement, so that both
// noise and misfit widen the intervals.
func Recommend(points []Point, o Options) (Advice, error) {
	if o.Share == 0 {
		o.Share = 0.9
	}
	if o.Resamples == 0 {
		o.Resamples = 1000
	}
	if err := enough(points); err != nil {
		return Advice{}, err
	}
	model, err := Fit(points)
	if err != nil {
		return Advice{}, refuse("%v", err)
	}
	mids := medians(points)
	a := Advice{Model: model, low: mids[0].N, high: mids[len(mids)-1].N}
	a.Best = model.best(a.low, a.high)
	for a.Enough = a.low; model.At(float64(a.Enough)) < o.Share*model.At(float64(a.Best)); a.Enough++ {
	}
	a.Noise, a.Misfit = apart(points, mids, model)
	if err := a.resample(points, o); err != nil {
		return a, refuse("%v", err)
	}
	return a, a.sound(o)
}

// enough refuses a sweep that is too small.
func enough(points []Point) error {
	rounds := map[int]int{}
	for _, p := range points {
		rounds[p.N]++
	}
	if len(rounds) < MinCounts {
		return refuse("%d different numbers of workers were measured, want %d or more: three parameters are fitted to them", len(rounds), MinCounts)
	}
	for _, m := range medians(points) {
		if rounds[m.N] < MinRounds {
			return refuse("%d workers were measured %d times, want %d or more", m.N, rounds[m.N], MinRounds)
		}
	}
	return nil
}

// apart tells by how much the points differ from their medians, and these from the model.
func apart(points, mids []Point, m Model) (noise, misfit float64) {
	median := map[int]float64{}
	for _, p := range mids {
		median[p.N] = p.X
		misfit += square(math.Log(p.X / m.At(float64(p.N))))
	}
	for _, p := range points {
		noise += square(math.Log(p.X / median[p.N]))
	}
	return math.Sqrt(noise / float64(len(points))), math.Sqrt(misfit / float64(len(mids)))
}

func square(x float64) float64 { return x * x }

// resample fits the law to sweeps that might have been measured as well, and draws the intervals from them.
func (a *Advice) resample(points []Point, o Options) error {
	rest := make([]float64, len(points))
	grow := math.Sqrt(float64(len(points)) / float64(len(points)-3)) // three parameters took their part of it
	for i, p := range points {
		rest[i] = grow * math.Log(p.X/a.Model.At(float64(p.N)))
	}
	random := rand.New(rand.NewPCG(o.Seed, 0))
	var peaks, bests []float64
	again := slices.Clone(points)
	for range o.Resamples {
		for i, p := range points {
			again[i].X = a.Model.At(float64(p.N)) * math.Exp(rest[random.IntN(len(rest))])
		}
		m, err := Fit(again)
		if err != nil {
			return fmt.Errorf("a resample: %w", err)
		}
		a.resampled = append(a.resampled, m)
		peaks, bests = append(peaks, m.Peak()), append(bests, float64(m.best(a.low, a.high)))
	}
	a.Peak, a.BestSpan = span(peaks), span(bests)
	return nil
}

func span(values []float64) Span {
	slices.Sort(values)
	at := func(q float64) float64 { return values[int(math.Round(q*float64(len(values)-1)))] }
	return Span{at(lowQuantile), at(highQuantile)}
}

// Keeps is the share of the highest throughput that n workers give, 0 to 1. n must lie within the sweep.
func (a Advice) Keeps(n int) Span {
	var shares []float64
	for _, m := range a.resampled {
		shares = append(shares, m.At(float64(n))/m.At(float64(m.best(a.low, a.high))))
	}
	return span(shares)
}

// Within tells whether n lies within the sweep, so that Keeps can tell about it.
func (a Advice) Within(n int) bool { return n >= a.low && n <= a.high }

// sound refuses advice that the measurements do not bear.
func (a Advice) sound(o Options) error {
	switch keeps := a.Keeps(a.Best); {
	case a.Noise > MaxNoise:
		return refuse("the rounds of one number of workers are %.0f %% apart, want at most %.0f %%: measure for longer, on a machine that does nothing else",
			100*a.Noise, 100*MaxNoise)
	case a.Misfit > MaxMisfit:
		return refuse("the law does not fit: what was measured is %.0f %% off it, want at most %.0f %%: something else than contention and coherency limits this server",
			100*a.Misfit, 100*MaxMisfit)
	case a.Misfit > MaxUnexplained && a.Misfit > timesNoise*a.Noise:
		return refuse("the law does not fit: what was measured is %.1f %% off it, and rounds are only %.1f %% apart: something else than contention and coherency limits this server, such as a step at the number of processors or of connections",
			100*a.Misfit, 100*a.Noise)
	case a.Peak.High > float64(a.high):
		return refuse("the sweep does not reach the knee: throughput may go on rising beyond %d workers (by the fit to %.3g, 90 %%: %.3g to %.3g): sweep further",
			a.high, a.Model.Peak(), a.Peak.Low, a.Peak.High)
	case a.Peak.Low < float64(a.low) && a.low > 1:
		return refuse("the sweep begins beyond the knee: throughput may fall from fewer than %d workers on (by the fit from %.3g, 90 %%: %.3g to %.3g): begin with 1",
			a.low, a.Model.Peak(), a.Peak.Low, a.Peak.High)
	case keeps.Low < o.Share:
		return refuse("%d workers look best, and may give as little as %.0f %% of the highest throughput, want %.0f %%: measure more rounds", a.Best, 100*keeps.Low, 100*o.Share)
	}
	return nil
}
