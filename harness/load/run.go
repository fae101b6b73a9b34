package load

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"
)

// run keeps a connection up until ctx ends.
func (p *Publisher) run(ctx context.Context, l link) {
	defer close(p.done)
	rng := rand.New(rand.NewPCG(p.o.Seed, 0))
	for l != nil {
		err := p.pump(ctx, l)
		l.Close()
		if cause := l.Err(); cause != nil && err != nil {
			err = cause // what the broker said tells more than the write that failed of it
		}
		p.lost(err)
		l = p.redial(ctx, rng)
	}
}

// pump sends what is offered until the connection or ctx ends. Messages that arrive while a batch is
// being written make up the next one, so batches grow with the load and nothing waits for a timer.
func (p *Publisher) pump(ctx context.Context, l link) error {
	var batch []message
	for ctx.Err() == nil {
		if batch = p.take(batch[:0]); len(batch) > 0 {
			if err := l.Send(batch); err != nil {
				return err
			}
			clear(batch)
			continue
		}
		select {
		case <-p.wake:
		case <-l.Done():
			return cmp.Or(l.Err(), errEnded)
		case <-ctx.Done():
		}
	}
	return nil
}

// answerSpan is how many later messages may overtake a message's confirm before it is given up.
const answerSpan = 1 << 16

// batchLimit bounds the messages of one write, and so the time until the next look at the connection.
const batchLimit = 128

// take moves what the window has room for in flight.
func (p *Publisher) take(batch []message) []message {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blocked {
		return batch
	}
	for range min(p.ledger.room(), batchLimit) {
		p.ledger.send()
		batch = append(batch, p.queue.pop())
	}
	return batch
}

// lost gives up what was in flight on the connection that ended.
func (p *Publisher) lost(err error) {
	p.mu.Lock()
	unknown := p.ledger.cut()
	p.blocked = false
	p.settle()
	p.mu.Unlock()
	if err == nil {
		return // closed by us
	}
	p.o.Log.Warn("load: connection to the broker lost", "error", err, "unknown", unknown)
	p.o.OnState(false, err)
}

// redial tries until it is connected, or returns nil when ctx ends.
func (p *Publisher) redial(ctx context.Context, rng *rand.Rand) link {
	for try := 0; ctx.Err() == nil; try++ {
		l, err := p.dial(ctx, p)
		if err == nil {
			p.o.Log.Info("load: connected to the broker again", "attempts", try+1)
			p.o.OnState(true, nil)
			return l
		}
		p.o.Log.Debug("load: connecting to the broker", "attempt", try+1, "error", err)
		select {
		case <-time.After(pause(try, rng)):
		case <-ctx.Done():
		}
	}
	return nil
}

// pause doubles from 20 ms to 320 ms, less up to half of it. It stays that short because it adds to
// every recovery time that is measured with this load.
func pause(try int, rng *rand.Rand) time.Duration {
	d := 20 * time.Millisecond << min(try, 4)
	return d - time.Duration(rng.Int64N(int64(d/2)))
}

// confirmed, bounced and throttled are what a link reports.
func (p *Publisher) confirmed(tag uint64, multiple, ack bool) {
	p.mu.Lock()
	p.ledger.confirm(tag, multiple, ack)
	p.settle()
	p.mu.Unlock()
	p.nudge()
}

func (p *Publisher) bounced(id uint64, text string) {
	p.mu.Lock()
	p.ledger.bounce(id)
	p.mu.Unlock()
	p.o.Log.Debug("load: message returned", "id", id, "text", text)
}

// throttled heeds connection.blocked: what is sent to a broker that does not read would only become
// unknown if the broker then went away.
func (p *Publisher) throttled(on bool, reason string) {
	p.mu.Lock()
	p.blocked = on
	p.mu.Unlock()
	p.o.Log.Info("load: the broker blocks or unblocks publishers", "blocked", on, "reason", reason)
	p.nudge()
}
