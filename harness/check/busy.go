package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// The shortest times over which the use of a CPU tells something.
const (
	leastBefore = 500 * time.Millisecond
	leastAfter  = time.Second
)

var busy = Check{
	Name: "busy",
	Doc: `No instance of the target uses more CPU after it has recovered than it used before the first fault, but for expect.cpu
cores: one that spins does its work all the same. Unknown unless an instance's CPU time was read for 0.5 s or more
before the first fault, and for 1 s or more between its recovery and the load's end. Applies with expect.cpu.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.CPU > 0 },
	Judge: func(f *Facts) Result {
		_, heal := f.faults.span()
		if heal == never || !f.faults.healed() {
			return unknown("no fault was injected and healed")
		}
		if len(f.cpu) == 0 {
			return unknown("the CPU time of no process of the target was read")
		}
		from := heal
		if f.outcome.Recovered {
			from += f.outcome.After
		}
		var most, usual float64
		var who string
		for _, name := range slices.Sorted(maps.Keys(f.cpu)) {
			before, seenBefore := f.cpu[name].cores(f.windows.Before)
			after, seenAfter := f.cpu[name].cores(Span{from, f.windows.Total.To})
			if seenBefore < leastBefore || seenAfter < leastAfter {
				return unknown("the CPU time of %s was read over %s before and %s after the faults, wanted %v and %v",
					name, clock(seenBefore), clock(seenAfter), leastBefore, leastAfter)
			}
			if who == "" || after-before > most-usual {
				who, most, usual = name, after, before
			}
		}
		if most-usual > f.Meta.Expect.CPU {
			return fail(nil, "%s uses %.2f cores after its recovery, and used %.2f before (limit %.2f more)", who, most, usual, f.Meta.Expect.CPU)
		}
		return pass("%s uses %.2f cores after its recovery, and used %.2f before (limit %.2f more)", who, most, usual, f.Meta.Expect.CPU)
	},
}

// cpuTimes are the readings of one instance, in order.
type cpuTimes []cpuTime

type cpuTime struct {
	at   time.Duration
	pid  int32
	used time.Duration // since the process's start
}

// readCPU notes a reading.
func (f *Facts) readCPU(e *history.Event) {
	who, ok := strings.CutPrefix(e.Who, history.CPUProbe)
	if !ok || e.Flags.Has(history.Failed) {
		return
	}
	if f.cpu == nil {
		f.cpu = make(map[string]cpuTimes)
	}
	f.cpu[who] = append(f.cpu[who], cpuTime{e.At, e.Code, time.Duration(e.N) * time.Millisecond})
}

// cores is the mean use within a span, and over how much of it that is known: what lies between two
// readings of the same process.
func (c cpuTimes) cores(s Span) (mean float64, over time.Duration) {
	first, _ := slices.BinarySearchFunc(c, s.From, func(r cpuTime, at time.Duration) int { return cmp.Compare(r.at, at) })
	used := time.Duration(0)
	for i := first + 1; i < len(c) && c[i].at <= s.To; i++ {
		if c[i].pid == c[i-1].pid {
			over += c[i].at - c[i-1].at
			used += c[i].used - c[i-1].used
		}
	}
	if over == 0 {
		return 0, 0
	}
	return used.Seconds() / over.Seconds(), over
}
