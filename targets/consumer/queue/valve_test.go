package queue

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func TestValve(t *testing.T) {
	t.Parallel()
	var v valve
	shut := func() bool {
		select {
		case <-v.closed():
			return true
		default:
			return false
		}
	}
	old, next := &amqp.Connection{}, &amqp.Connection{}
	before := v.closed()
	require.False(t, shut())
	v.set(old, true)
	v.set(old, true)
	require.True(t, shut())
	<-before // who waited before it was shut is told
	v.set(next, false)
	require.True(t, shut(), "that is another connection")
	v.set(old, false)
	require.False(t, shut())
	v.set(next, true)
	v.set(old, false)
	require.True(t, shut(), "what an old connection says late changes nothing")
	v.set(old, true)
	v.set(old, false)
	require.True(t, shut(), "nor when it says both")
	v.set(next, false)
	require.False(t, shut())

	v.set(old, true)
	v.set(next, true) // before the old one has said its last
	v.set(old, false)
	require.True(t, shut(), "the next one is still held")
	v.set(next, false)
	require.False(t, shut())
}
