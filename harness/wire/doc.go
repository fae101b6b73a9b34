// Package wire is a frame-aware AMQP 0-9-1 proxy between a client and its broker.
//
// A Wire passes bytes through untouched, tells a Tap of every method that it sees, and lets armed
// Rules act on single frames: swallow, delay, duplicate, cut, answer in the broker's place, stall,
// corrupt. It works as a listener (Listen) with an address that outlives the broker, or inside the
// client's own process (New and Wrap). Bodies are counted, never read or kept, unless a rule asks.
// It does not judge and does not record: what it sees goes to the Tap. It does not speak TLS; bytes
// that it cannot parse are passed on and counted.
package wire
