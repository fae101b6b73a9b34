package history_test

import (
	"cmp"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

func slicesSortByTime(events []history.Event) {
	slices.SortStableFunc(events, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) })
}
