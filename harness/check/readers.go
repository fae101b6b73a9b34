package check

import (
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var readers = Check{
	Name: "readers",
	Doc: `Each slow reader either had its whole answer or was cut by the target, in at most expect.readers.max from the answer's
head, and was not cut sooner than expect.readers.min; expect.readers.whole of them at least had all of it. Unknown without
one, or when one hung up before the maximum. Applies with expect.readers.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.Meta.Expect.Readers != nil },
	Judge: func(f *Facts) Result {
		want, r := f.Meta.Expect.Readers, &f.readers
		all := r.whole + r.cut + r.left
		switch {
		case all == 0:
			return unknown("there was no slow reader")
		case r.late > 0:
			return fail(r.lateOnes, "%d of %d slow readers were served for longer than %v", r.late, all, want.Max)
		case r.soon > 0:
			return fail(r.soonOnes, "%d of %d slow readers were cut before %v had passed", r.soon, all, want.Min)
		case r.left > 0:
			return unknown("%d of %d slow readers hung up before %v had passed", r.left, all, want.Max)
		case r.whole < int64(want.Whole):
			return fail(nil, "%d of %d slow readers had their whole answer, wanted %d: the others were cut", r.whole, all, want.Whole)
		case r.cut == 0:
			return pass("%d slow readers had their whole answer, the last one after %s (limit %v)", r.whole, clock(r.longest), want.Max)
		}
		return pass("%d slow readers had their whole answer, %d were cut, the first one after %s, the last one after %s (limits %v and %v)",
			r.whole, r.cut, clock(r.first), clock(r.longest), want.Min, want.Max)
	},
}

// slowReaders counts how slow readers ended.
type slowReaders struct {
	whole, cut, left, late, soon int64
	first, longest               time.Duration // of those that were cut, and of all
	lateOnes, soonOnes           examples
}

func (r *slowReaders) see(e *history.Event, want *history.Readers) {
	if want == nil {
		return
	}
	served := time.Duration(e.Code) * time.Millisecond
	r.longest = max(r.longest, served)
	example := func(list *examples) {
		list.add("at %s, after %s and %d bytes: %s", clock(e.At), clock(served), e.Tag, e.Text)
	}
	switch {
	case e.Flags.Has(history.Whole):
		r.whole++
	case e.Flags.Has(history.Left):
		r.left++
	default:
		if r.cut == 0 || served < r.first {
			r.first = served
		}
		r.cut++
		if served < want.Min {
			r.soon++
			example(&r.soonOnes)
		}
	}
	if served > want.Max {
		r.late++
		example(&r.lateOnes)
	}
}
