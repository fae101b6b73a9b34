package link

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
)

// Latency makes every byte come later, by For and a share of Jitter drawn from the seed. What is behind
// it is under way at the same time: no byte overtakes another, and no rate is lowered.
type Latency struct{ For, Jitter time.Duration }

func (Latency) lasts() bool                  { return false }
func (Latency) takes(_ *flow, a *Armed) bool { return a.until.Load() == 0 }

func (t Latency) pass(f *flow, c *stream.StreamChunk) bool {
	due := c.Timestamp.Add(t.For + time.Duration(f.random.Float64()*float64(t.Jitter)))
	if due.Before(f.due) {
		due = f.due
	}
	f.due = due
	ok := f.wait(time.Until(due))
	f.count(len(c.Data))
	return ok && f.send(c)
}

// Bandwidth lets Rate bytes a second pass, in each direction of each connection.
type Bandwidth struct{ Rate int }

// slice is the time for which a thin link sends at once: less would be many small packets.
const slice = 20 * time.Millisecond

func (Bandwidth) lasts() bool                  { return false }
func (Bandwidth) takes(_ *flow, a *Armed) bool { return a.until.Load() == 0 }

func (t Bandwidth) pass(f *flow, c *stream.StreamChunk) bool {
	most := max(1, int(int64(t.Rate)*int64(slice)/int64(time.Second)))
	for data := c.Data; len(data) > 0; {
		n := min(most, len(data))
		f.owed += time.Duration(n) * time.Second / time.Duration(max(t.Rate, 1))
		begin := time.Now()
		if !f.wait(f.owed) || !f.send(&stream.StreamChunk{Data: data[:n], Timestamp: c.Timestamp}) {
			return false
		}
		f.count(n)
		f.owed = max(0, f.owed-time.Since(begin))
		data = data[n:]
	}
	return true
}

// HalfOpen is a way whose flows were forgotten, as by a firewall: on the connections that are there when
// it is added nothing passes any more, for good, and neither side hears that the other has closed. New
// ones are not touched.
type HalfOpen struct{}

func (HalfOpen) lasts() bool                  { return true }
func (HalfOpen) takes(f *flow, a *Armed) bool { return f.born <= a.from }

func (HalfOpen) pass(f *flow, c *stream.StreamChunk) bool {
	f.count(len(c.Data))
	return true
}

func (HalfOpen) hold(f *flow) bool {
	<-f.link.done
	return false
}

// Drip is a bad path that some connections are put on: those that are opened under it get one byte
// through in every Every, for good. The ones that were there before are not touched.
type Drip struct{ Every time.Duration }

func (Drip) lasts() bool { return true }

func (Drip) takes(f *flow, a *Armed) bool {
	until := a.until.Load()
	return f.born > a.from && (until == 0 || f.born <= until)
}

func (t Drip) pass(f *flow, c *stream.StreamChunk) bool {
	for i := range c.Data {
		if !f.wait(t.Every) || !f.send(&stream.StreamChunk{Data: c.Data[i : i+1], Timestamp: c.Timestamp}) {
			return false
		}
		f.count(1)
	}
	return true
}

// Reset cuts a connection once After of the upstream's bytes have passed since it was added: the next one is
// lost, and both sides get a reset, as from a peer whose host has gone. What the upstream was asked for it has
// done. Connections on which the upstream says no more than that are not touched.
type Reset struct{ After int }

func (Reset) lasts() bool { return false }

func (Reset) takes(f *flow, a *Armed) bool { return f.dir == stream.Downstream && a.until.Load() == 0 }

func (t Reset) pass(f *flow, c *stream.StreamChunk) bool {
	rest := t.After - f.past
	if len(c.Data) <= rest {
		f.past += len(c.Data)
		return f.untouched(c)
	}
	if rest > 0 {
		f.untouched(&stream.StreamChunk{Data: c.Data[:rest], Timestamp: c.Timestamp})
	}
	f.written()
	f.count(len(c.Data) - max(rest, 0))
	f.way.reset()
	return false
}

// SlowClose tells each side only after For that the other has closed. What they say passes at once.
type SlowClose struct{ For time.Duration }

func (SlowClose) lasts() bool                  { return false }
func (SlowClose) takes(_ *flow, a *Armed) bool { return a.until.Load() == 0 }

func (SlowClose) pass(f *flow, c *stream.StreamChunk) bool { return f.untouched(c) }

func (t SlowClose) hold(f *flow) bool {
	ok := f.wait(t.For)
	f.by.ends.Add(1)
	return ok
}
