package check

import (
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var cached = Check{
	Name: "cached",
	Doc: `At least expect.cached of the good answers to GET requests cost no backend a whole answer: the target had the answer
itself, or the backend said that it still holds (304); at least expect.fresh of them no backend was asked for at all. A request that a backend took twice counts twice. Needs such an
answer, and a backend that took a request. That what was stored is still right, and is given to nobody else, is for errors and
leaks. Applies with expect.cached.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.Meta.Expect.Cached > 0 },
	Judge: func(f *Facts) Result {
		want, c := f.Meta.Expect.Cached, &f.requests.reads
		switch {
		case c.answered == 0 || c.taken == 0:
			return unknown("%s answered well, %d taken by backends: nothing was there to be stored", count(c.answered, "GET request"), c.taken)
		case f.cut():
			return unknown("the history ends before the run did, and with it what backends had to do")
		}
		whole := c.taken - c.unchanged
		share := 1 - float64(whole)/float64(c.answered)
		const numbers = "of %s answered well %d cost a backend a whole answer, %d a 304 and %d nothing: %.1f %% cached, wanted %.1f %%"
		all := []any{count(c.answered, "GET request"), whole, c.unchanged, max(0, c.answered-c.taken), 100 * share, 100 * want}
		if share < want {
			return fail(nil, numbers, all...)
		}
		if fresh := 1 - float64(c.taken)/float64(c.answered); fresh < f.Meta.Expect.Fresh {
			return fail(nil, "of %s answered well backends were asked for %d: %.1f %% were fresh, wanted %.1f %%",
				count(c.answered, "GET request"), c.taken, 100*fresh, 100*f.Meta.Expect.Fresh)
		}
		return pass(numbers, all...)
	},
}

// reads is what became of GET requests.
type reads struct {
	answered  int64 // well
	taken     int64 // by backends
	unchanged int64 // of these, answered 304
}

// given notes that a backend was done with a request.
func (f *Facts) given(e *history.Event) {
	r := &f.requests
	if f.ledger.messages.At(e.Msg).state&offered == 0 {
		return // a health check, or somebody else's
	}
	q := r.all.At(e.Msg)
	q.gave = true
	q.gaveWell = q.gaveWell || e.Code >= 200 && e.Code < 400
	if q.get && e.Code == http.StatusNotModified {
		r.reads.unchanged++
	}
}
