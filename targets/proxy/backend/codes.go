package backend

import (
	"fmt"
	"strconv"
	"strings"
)

// Codes is a set of status codes: "200,301", "200-299", "200,300-302".
type Codes struct {
	ranges [][2]int
}

// ParseCodes reads a set of status codes.
func ParseCodes(text string) (Codes, error) {
	var c Codes
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		low, err := code(first)
		if err != nil {
			return Codes{}, err
		}
		high := low
		if isRange {
			if high, err = code(last); err != nil {
				return Codes{}, err
			}
		}
		if high < low {
			return Codes{}, fmt.Errorf("%s: %d is less than %d", part, high, low)
		}
		c.ranges = append(c.ranges, [2]int{low, high})
	}
	return c, nil
}

func code(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 100 || n > 599 {
		return 0, fmt.Errorf(`%q is no status code: want codes as "200,301" or "200-299"`, text)
	}
	return n, nil
}

// Has tells whether code is one of them.
func (c Codes) Has(code int) bool {
	for _, r := range c.ranges {
		if code >= r[0] && code <= r[1] {
			return true
		}
	}
	return false
}

// String is for people: "200 or 301", "200 to 299".
func (c Codes) String() string {
	var parts []string
	for _, r := range c.ranges {
		if r[0] == r[1] {
			parts = append(parts, strconv.Itoa(r[0]))
		} else {
			parts = append(parts, fmt.Sprintf("%d to %d", r[0], r[1]))
		}
	}
	return strings.Join(parts, " or ")
}
