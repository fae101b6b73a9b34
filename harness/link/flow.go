package link

import (
	"math/rand/v2"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// toxicType is the name under which toxiproxy knows our toxic.
const toxicType = "comeback"

// valve is our toxic: it stands in one direction of a link for as long as that lives, and lets everything
// pass until trouble is armed. So none is ever added to, or taken out of, a running connection.
type valve struct {
	link *Link
	dir  stream.Direction
}

// flow is one direction of a connection.
type flow struct {
	*valve
	way    *way
	stub   *toxics.ToxicStub
	born   uint64
	random *rand.Rand // of the seed and born
	due    time.Time  // of the last chunk that was held back
	owed   time.Duration
	past   int    // bytes that trouble has let pass
	by     *Armed // what has taken it
}

// GetBufferSize implements toxiproxy's BufferedToxic: what is late on its way is kept here.
func (v *valve) GetBufferSize() int { return 1024 }

// NewState implements toxiproxy's StatefulToxic: it makes the connection's flow.
func (v *valve) NewState() any {
	f := &flow{valve: v, way: v.link.ways.next, born: v.link.births.Add(1)}
	f.random = rand.New(rand.NewPCG(v.link.cfg.Seed, f.born)) //nolint:gosec // repeatable on purpose
	return f
}

// Pipe implements toxiproxy's Toxic.
func (v *valve) Pipe(stub *toxics.ToxicStub) {
	f := stub.State.(*flow)
	f.stub = stub
	for {
		select {
		case <-stub.Interrupt: // toxiproxy wants that of a toxic; we add none
			return
		case <-v.link.done:
			f.drain()
			return
		case c := <-stub.Input:
			if c == nil && !f.ended() || c != nil && !f.take(c) {
				f.drain()
				return
			}
			if c == nil {
				stub.Close()
				return
			}
		}
	}
}

// take deals with a chunk, and is false when the connection is over.
func (f *flow) take(c *stream.StreamChunk) bool {
	a := f.link.taker(f)
	if a == nil {
		return f.untouched(c)
	}
	f.taken(a)
	return a.trouble.pass(f, c)
}

// taken notes what has taken the flow.
func (f *flow) taken(a *Armed) {
	if f.by == a {
		return
	}
	f.by, f.due, f.owed, f.past = a, time.Time{}, 0, 0
	if f.dir == stream.Downstream {
		a.conns.Add(1)
	}
}

// untouched passes a chunk on as if all were well.
func (f *flow) untouched(c *stream.StreamChunk) bool {
	f.link.passed.of(f.dir).Add(int64(len(c.Data)))
	return f.send(c)
}

// count notes bytes that the trouble has acted on.
func (f *flow) count(n int) { f.by.touched.of(f.dir).Add(int64(n)) }

// ended is asked when the sender has closed, and returns when the receiver may hear of it. It is false when
// the link was closed meanwhile.
func (f *flow) ended() bool {
	if a := f.link.taker(f); a != nil {
		if h, ok := a.trouble.(holder); ok {
			f.taken(a)
			return h.hold(f)
		}
	}
	f.link.ended.Add(1)
	return true
}

// send forwards a chunk, and is false when the link was closed.
func (f *flow) send(c *stream.StreamChunk) bool {
	select {
	case f.stub.Output <- c:
		return true
	case <-f.link.done:
		return false
	}
}

// wait holds the flow up for d, or until the trouble is removed unless that lasts. It is false when the
// link was closed.
func (f *flow) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	gone := f.by.gone
	if f.by.trouble.lasts() {
		gone = nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-gone:
	case <-f.link.done:
		return false
	}
	return true
}

// written returns when what was sent before is with the kernel, or the link was closed: the writer, which
// comes next, takes one chunk at a time. A chunk of nil it would take for the end.
func (f *flow) written() { f.send(&stream.StreamChunk{Data: []byte{}}) }

// drain lets what is still before us end, once the connection is over.
func (f *flow) drain() {
	for c := range f.stub.Input {
		_ = c
	}
	f.stub.Close()
}
