package script

import "fmt"

// Turn says which of its matches a rule acts on. The zero value acts on every one.
type Turn struct {
	Nth   int `json:"nth,omitempty"`   // acts from this match on, counted from 1; 0 means 1
	Times int `json:"times,omitempty"` // acts so many times; 0 for ever
}

// Count is how far a rule has come.
type Count struct {
	Seen int `json:"seen,omitempty"` // matches
	Hits int `json:"hits,omitempty"` // matches it acted on
}

// Check refuses negative numbers.
func (t Turn) Check() error {
	if t.Nth < 0 || t.Times < 0 {
		return fmt.Errorf("nth %d, times %d: neither can be negative", t.Nth, t.Times)
	}
	return nil
}

// Turns is the turn itself, for a rule that embeds it.
func (t Turn) Turns() Turn { return t }

// Next counts a match in c and tells whether the rule acts on it.
func (t Turn) Next(c *Count) bool {
	c.Seen++
	if c.Seen < t.Nth || (t.Times > 0 && c.Hits >= t.Times) {
		return false
	}
	c.Hits++
	return true
}
