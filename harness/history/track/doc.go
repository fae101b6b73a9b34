// Package track holds the small data structures that follow a history: a Table of what is known per
// message, the Tags that are outstanding on a channel, and a Histogram of durations.
//
// They are sized for ten million messages in a run and bounded on a history that is garbage. Nothing
// here knows what an event means.
package track
