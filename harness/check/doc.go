// Package check judges a history: one linear pass gathers Facts, and every Check is a pure function of
// them that gives pass, fail or unknown with its reason in numbers.
//
// Judge is the way in; a Judgement is everything that reports are written from. Nothing here does I/O
// but reading the history, and nothing knows the time. A new check is one file and one line of All.
package check
