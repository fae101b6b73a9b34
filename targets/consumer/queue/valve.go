package queue

import (
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// valve is shut while the broker takes nothing from a connection. The zero value is open.
type valve struct {
	mu   sync.Mutex
	of   *amqp.Connection // that shut it; a later one begins open
	shut chan struct{}    // closed while it is shut
}

// set shuts or opens the valve for a connection. What an old connection says late changes nothing.
func (v *valve) set(of *amqp.Connection, shut bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case shut && v.of == nil:
		v.of = of
		close(v.channel())
	case !shut && v.of == of:
		v.of, v.shut = nil, nil
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
