package queue_test

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
)

// A broker that is short of memory takes nothing: who publishes is told at once, and not after a limit.
func TestPublishGivesWayToAlarm(t *testing.T) {
	t.Parallel()
	node, url := brokertest.Own(t)
	p := publisher(t, url)
	p.Limit = time.Hour
	publish := func() error {
		return p.Publish(t.Context(), "jobs.dead", amqp.Publishing{MessageId: "m", DeliveryMode: amqp.Persistent})
	}
	require.NoError(t, publish())
	before := node.Eval(t, "vm_memory_monitor:get_vm_memory_high_watermark()")
	node.Eval(t, "vm_memory_monitor:set_vm_memory_high_watermark(0)")
	err := publish()
	for deadline := time.Now().Add(patience); err == nil && time.Now().Before(deadline); {
		err = publish() // the broker may take some more before it says so
	}
	require.ErrorIs(t, err, queue.ErrBlocked, "it was on its way when the broker said so")
	require.ErrorIs(t, publish(), queue.ErrBlocked, "it is not even sent")
	node.Eval(t, "vm_memory_monitor:set_vm_memory_high_watermark("+before+")")
	require.Eventually(t, func() bool { return publish() == nil }, patience, 5*time.Millisecond)
}
