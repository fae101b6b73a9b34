package load

// fifo is a ring that grows by doubling and never shrinks: its peak is bounded by Options.Buffer.
type fifo[T any] struct {
	ring []T
	head int
	n    int
}

func (f *fifo[T]) push(v T) {
	if f.n == len(f.ring) {
		f.grow()
	}
	f.ring[(f.head+f.n)%len(f.ring)] = v
	f.n++
}

// pop returns the oldest entry and forgets it, so that its memory can go. It panics when there is none.
func (f *fifo[T]) pop() T {
	var zero T
	v := f.ring[f.head]
	f.ring[f.head] = zero
	f.head = (f.head + 1) % len(f.ring)
	f.n--
	return v
}

func (f *fifo[T]) grow() {
	next := make([]T, max(64, 2*len(f.ring)))
	n := copy(next, f.ring[f.head:])
	copy(next[n:], f.ring[:f.head])
	f.ring, f.head = next, 0
}
