// Package fault has the ways of breaking something, and the one wrapper that orders what happens to
// each: inject, wait until it is in effect, heal, wait until it is gone.
//
// A Fault holds only its own parameters; which run, when and for how long sit outside. What it may
// touch is the Lab interface. Judging what it did to the target is not its business: see check.
package fault
