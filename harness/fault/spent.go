package fault

import (
	"context"
	"fmt"
	"time"
)

// hitPeriod is how often rules are asked how often they have acted.
const hitPeriod = 2 * time.Millisecond

// turns is something that acts so many times; 0 times: for ever.
type turns struct {
	what  string
	times int
	hits  func() int
}

// spent waits until each has acted as often as it may; nil when none has a number.
func spent(all ...turns) func(context.Context) error {
	limited := false
	for _, t := range all {
		limited = limited || t.times > 0
	}
	if !limited {
		return nil
	}
	return func(ctx context.Context) error {
		return every(ctx, hitPeriod, func() error {
			for _, t := range all {
				if n := t.hits(); n < t.times {
					return fmt.Errorf("%s has acted %d of %d times", t.what, n, t.times)
				}
			}
			return nil
		})
	}
}

// spentRules is spent for the rules of a fake; times tells how often one may act.
func spentRules[R interface{ Hits() int }](whose string, all []R, times func(n int) int) func(context.Context) error {
	var list []turns
	for i, a := range all {
		list = append(list, turns{fmt.Sprintf("rule %d of the %s", i, whose), times(i), a.Hits})
	}
	return spent(list...)
}
