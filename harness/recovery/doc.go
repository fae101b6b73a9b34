// Package recovery measures, on a history, how long a target took to come back after a fault.
//
// A Series counts a run's offers, effects and latencies as events pass; Steady reads the normal range
// from the time before the fault; Measure finds the moment from which that range holds again. All of it
// is pure: no clock, no I/O. The lab uses it live, the judge afterwards, and both get the same answer.
package recovery
