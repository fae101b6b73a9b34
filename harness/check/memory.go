package check

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// memoryLeast is how often a process's memory must have been read for its most to tell anything.
const memoryLeast = 5

const megabyte = 1 << 20

var memory = Check{
	Name: "memory",
	Doc: `No instance of the target, its process and those that it has started, had more memory resident while faults were on,
from the first injection to the last heal, than the most before plus expect.memory MB. Needs 5 readings of each before, and 5 meanwhile. What the kernel keeps in its sockets
is not counted. Applies with expect.memory.`,
	Applies: func(f *Facts) bool { return f.Meta.Expect.Memory > 0 },
	Judge: func(f *Facts) Result {
		inject, heal := f.faults.span()
		if inject == never || !f.faults.healed() {
			return unknown("no fault was injected and healed")
		}
		if len(f.memory) == 0 {
			return unknown("the memory of no process of the target was read")
		}
		var most, usual int64
		var who string
		for _, name := range slices.Sorted(maps.Keys(f.memory)) {
			before, times := f.memory[name].most(Span{f.windows.Before.From, inject})
			meanwhile, later := f.memory[name].most(Span{inject, heal})
			if times < memoryLeast || later < memoryLeast {
				return unknown("the memory of %s was read %d times before the faults and %d times while they were on, wanted %d",
					name, times, later, memoryLeast)
			}
			if who == "" || meanwhile-before > most-usual {
				who, most, usual = name, meanwhile, before
			}
		}
		limit := int64(f.Meta.Expect.Memory) * megabyte
		const numbers = "%s had up to %d MB resident while faults were on, and up to %d MB before (limit %d MB more)"
		if most-usual > limit {
			return fail(nil, numbers, who, most/megabyte, usual/megabyte, limit/megabyte)
		}
		return pass(numbers, who, most/megabyte, usual/megabyte, limit/megabyte)
	},
}

// resident are the readings of one instance, in order.
type resident []reading

type reading struct {
	at    time.Duration
	bytes int64
}

// readMemory notes a reading.
func (f *Facts) readMemory(e *history.Event) {
	who, ok := strings.CutPrefix(e.Who, history.MemoryProbe)
	if !ok || e.Flags.Has(history.Failed) {
		return
	}
	if f.memory == nil {
		f.memory = make(map[string]resident)
	}
	f.memory[who] = append(f.memory[who], reading{e.At, e.N})
}

// most is the highest reading within a span, of so many.
func (r resident) most(s Span) (bytes int64, of int) {
	for _, x := range r {
		if x.at >= s.From && x.at < s.To {
			bytes, of = max(bytes, x.bytes), of+1
		}
	}
	return bytes, of
}
