package broker

import (
	"cmp"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Message is what Peek tells of a message.
type Message struct {
	ID      string     // message-id property; without one the correlation-id
	Reason  string     // why it was dead-lettered: see reasonOf; "" when it was not
	Deaths  int64      // how often, over all queues and reasons
	Queue   string     // the first queue it was dead-lettered from
	Headers amqp.Table // all of its headers
}

func messageOf(d amqp.Delivery) Message {
	m := Message{ID: cmp.Or(d.MessageId, d.CorrelationId), Reason: reasonOf(d.Headers), Headers: d.Headers}
	m.Queue, _ = d.Headers["x-first-death-queue"].(string)
	for _, death := range deaths(d.Headers) {
		if n, ok := death["count"].(int64); ok {
			m.Deaths += n
		}
	}
	return m
}

// reasonOf prefers what the consumer itself wrote ("x-reason", "reason") to what the broker did
// (x-death's latest entry: rejected, expired, maxlen, delivery_limit).
func reasonOf(h amqp.Table) string {
	for _, name := range []string{"x-reason", "reason"} {
		if v, ok := h[name]; ok {
			return fmt.Sprint(v)
		}
	}
	if all := deaths(h); len(all) > 0 {
		reason, _ := all[0]["reason"].(string)
		return reason
	}
	return ""
}

func deaths(h amqp.Table) []amqp.Table {
	list, _ := h["x-death"].([]any)
	var all []amqp.Table
	for _, entry := range list {
		if t, ok := entry.(amqp.Table); ok {
			all = append(all, t)
		}
	}
	return all
}
