package check

import (
	"maps"
	"slices"
	"time"
)

// What the waits between attempts to connect must show.
const (
	fewAttempts   = 4                      // fewer show nothing
	growth        = 1.5                    // mean of the later half of the waits, by that of the first
	longWait      = 350 * time.Millisecond // shorter ones are not compared between instances: a busy machine sets them apart
	togetherShare = 0.05                   // of a wait: so close is at the same time
	togetherTime  = 40 * time.Millisecond
	togetherWaits = 3 // fewer may be close by chance
)

var reconnects = Check{
	Name: "reconnects",
	Doc: `While faults were on, each instance of the target tried to connect as often as expect.reconnects allows. Its waits
grew: those in the later half are 1.5 times as long as those in the first, or longer. And the instances were not in
lockstep: of the waits of 0.35 s or more, not all but one were the same for all instances, to 5 % or 40 ms. Growth needs
4 attempts of an instance during a fault, lockstep 3 such waits of two instances. Applies with expect.reconnects.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.Reconnects != nil },
	Judge:   judgeReconnects,
}

// attempts are when each instance of the target tried to connect in one stretch with a fault on.
type attempts map[string][]time.Duration

// attempt notes that an instance tries to connect. A stretch begins with the first fault of those that are on.
func (x *faults) attempt(who string, at time.Duration) {
	if x.active == 0 {
		return
	}
	if x.attempts == nil {
		x.attempts = map[int]attempts{}
	}
	if x.attempts[x.stretches] == nil {
		x.attempts[x.stretches] = attempts{}
	}
	x.attempts[x.stretches][who] = append(x.attempts[x.stretches][who], at)
}

// waits are the times between an instance's attempts.
func waits(at []time.Duration) []time.Duration {
	var all []time.Duration
	for i := 1; i < len(at); i++ {
		all = append(all, at[i]-at[i-1])
	}
	return all
}

func judgeReconnects(f *Facts) Result {
	want := *f.Meta.Expect.Reconnects
	total := map[string]int{}
	for name := range f.wires.roles {
		total[name] = 0
	}
	var x examples
	var flat string
	judged := 0
	for _, stretch := range slices.Sorted(maps.Keys(f.faults.attempts)) {
		in := f.faults.attempts[stretch]
		for _, who := range slices.Sorted(maps.Keys(in)) {
			total[who] += len(in[who])
			if len(in[who]) < fewAttempts {
				continue
			}
			judged++
			all := waits(in[who])
			x.add("%s waited %v", who, rounded(all))
			if !grow(all) && flat == "" {
				flat = who
			}
		}
	}
	least, most, few, many := extremes(total)
	switch {
	case len(total) == 0:
		return unknown("no instance of the target ever connected")
	case most > want.Max:
		return fail(x, "%s tried to connect %s during the faults, wanted at most %d", many, count(most, "time"), want.Max)
	case least < want.Min && f.cut():
		return unknown("%s tried to connect %s, wanted at least %d, but the history ends before the run did", few, count(least, "time"), want.Min)
	case least < want.Min:
		return fail(x, "%s tried to connect %s during the faults, wanted at least %d", few, count(least, "time"), want.Min)
	case judged == 0:
		return unknown("no instance tried %d times during a fault: whether its waits grow is not to be seen", fewAttempts)
	case flat != "":
		return fail(x, "the waits of %s between its attempts do not grow", flat)
	}
	switch together, compared := f.lockstep(); {
	case together > 0:
		return fail(x, "%s tried to connect in lockstep: %d waits were the same for all", count(len(total), "instance"), together)
	case len(total) > 1 && !compared:
		return unknown("no %d waits of %v or more could be compared between %d instances: whether they go in lockstep is not to be seen", togetherWaits, longWait, len(total))
	}
	return pass("%s tried to connect %d to %d times each during the faults, wanted %d to %d", count(len(total), "instance"), least, most, want.Min, want.Max)
}

// grow tells whether the later waits are the longer ones.
func grow(all []time.Duration) bool {
	half := len(all) / 2
	return mean(all[half:]) >= growth*mean(all[:half])
}

func mean(all []time.Duration) float64 {
	sum := time.Duration(0)
	for _, d := range all {
		sum += d
	}
	return float64(sum) / float64(max(len(all), 1))
}

// extremes gives the fewest and the most attempts, with whose they are.
func extremes(total map[string]int) (least, most int, few, many string) {
	for _, who := range slices.Sorted(maps.Keys(total)) {
		if few == "" || total[who] < least {
			least, few = total[who], who
		}
		if many == "" || total[who] > most {
			most, many = total[who], who
		}
	}
	return least, most, few, many
}

// lockstep gives how many waits of a stretch were the same for all instances, 0 when they went apart, and
// whether there were enough to be compared.
func (f *Facts) lockstep() (n int, enough bool) {
	for _, stretch := range slices.Sorted(maps.Keys(f.faults.attempts)) {
		in := f.faults.attempts[stretch]
		if len(in) < 2 {
			continue
		}
		compared, together := 0, 0
		for n := 0; ; n++ {
			shortest, longest, ok := nth(in, n)
			if !ok {
				break
			}
			if longest < longWait {
				continue
			}
			compared++
			if longest-shortest <= max(togetherTime, time.Duration(togetherShare*float64(longest))) {
				together++
			}
		}
		enough = enough || compared >= togetherWaits
		if compared >= togetherWaits && together >= compared-1 {
			return together, true
		}
	}
	return 0, enough
}

// nth gives the shortest and the longest of the instances' n-th waits, if each has one.
func nth(in attempts, n int) (shortest, longest time.Duration, ok bool) {
	shortest = -1
	for _, at := range in {
		if len(at) < n+2 {
			return 0, 0, false
		}
		wait := at[n+1] - at[n]
		longest = max(longest, wait)
		if shortest < 0 || wait < shortest {
			shortest = wait
		}
	}
	return shortest, longest, true
}

func rounded(all []time.Duration) []time.Duration {
	var r []time.Duration
	for _, d := range all {
		r = append(r, d.Round(time.Millisecond))
	}
	return r
}
