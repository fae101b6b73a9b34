package queue

import "sync"

// pool runs handlers: at most size at a time, each in a goroutine of its own that is reused.
type pool struct {
	work    chan *Delivery
	running sync.WaitGroup
}

func newPool(size int, handle func(*Delivery)) *pool {
	p := &pool{work: make(chan *Delivery)}
	for range max(size, 1) {
		p.running.Go(func() {
			for d := range p.work {
				handle(d)
			}
		})
	}
	return p
}

// finish takes no more work and waits for what runs.
func (p *pool) finish() {
	close(p.work)
	p.running.Wait()
}
