package backend

import "sync"

// Lease is something that a backend works on and that ends when its draining is overdue. It is part of what
// it stands for, so that it costs no memory of its own; the zero value is ready.
type Lease struct {
	prev, next *Lease
	cut        func(error)
	on         bool
}

// leases is a list of them.
type leases struct {
	mu    sync.Mutex
	first *Lease
	over  bool // the deadline has passed
}

// Enlist has cut called, with ErrCut, when what b works on must end; Delist takes that back.
func (b *Backend) Enlist(l *Lease, cut func(error)) {
	b.leases.mu.Lock()
	defer b.leases.mu.Unlock()
	if b.leases.over {
		cut(ErrCut)
		return
	}
	l.cut, l.on, l.prev, l.next = cut, true, nil, b.leases.first
	if l.next != nil {
		l.next.prev = l
	}
	b.leases.first = l
}

// Delist takes a lease off, if it is on.
func (b *Backend) Delist(l *Lease) {
	b.leases.mu.Lock()
	defer b.leases.mu.Unlock()
	if !l.on {
		return
	}
	if l.on = false; l.prev == nil {
		b.leases.first = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	}
	l.prev, l.next = nil, nil
}

// cutAll ends what is left, and what may still come.
func (b *Backend) cutAll() {
	b.leases.mu.Lock()
	defer b.leases.mu.Unlock()
	b.leases.over = true
	for l := b.leases.first; l != nil; l = l.next {
		l.cut(ErrCut)
	}
}
