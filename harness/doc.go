// Package harness runs one lab: a broker, the wires, the fakes, one target, one workload and one
// history, from the first process started to the judgement.
//
// Its central type is Lab; lab.go tells a run in one page. The extension drives it from a k6 script,
// and a Go test can drive it the same way. It does not judge: it records, and has check judge the
// recorded history once the run is over.
package harness
