package queue

import (
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// valve is shut while the broker takes nothing from a connection. The zero value is open.
type valve struct {
	mu   sync.Mutex
	by   map[*amqp.Connection]bool // that hold it shut: more than one while an old one has not said its last
	shut chan struct{}             // closed while it is shut
}

// set shuts or opens the valve for a connection. Each must open it at its end.
func (v *valve) set(of *amqp.Connection, shut bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case shut && len(v.by) == 0:
		v.by = map[*amqp.Connection]bool{of: true}
		close(v.channel())
	case shut:
		v.by[of] = true
	case v.by[of]:
		if delete(v.by, of); len(v.by) == 0 {
			v.shut = nil
		}
	}
}

// closed gives the channel that is closed while the valve is shut.
func (v *valve) closed() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.channel()
}

// channel gives the channel for the state that is on. The caller holds mu.
func (v *valve) channel() chan struct{} {
	if v.shut == nil {
		v.shut = make(chan struct{})
	}
	return v.shut
}
