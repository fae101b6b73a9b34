// Package suite runs many scenarios, each in a k6 process of its own, side by side on one broker,
// and gathers their verdicts.
//
// Its central type is Plan, the list of runs. What a run is, only the script knows: suite asks the
// k6 binary for each script's declaration, starts it, and reads the verdict that it left.
package suite
