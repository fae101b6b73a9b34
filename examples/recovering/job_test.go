package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ id, body, says string }{
		"a job":        {"m1", `{"prompt":"a cat","steps":20}`, ""},
		"no id":        {"", `{"prompt":"a cat"}`, "no message-id"},
		"empty":        {"m1", ``, "not a JSON object"},
		"no object":    {"m1", `["prompt"]`, "not a JSON object"},
		"half":         {"m1", `{"prompt":"a c`, "not a JSON object"},
		"a number":     {"m1", `{"prompt":7}`, "not a JSON object"},
		"no prompt":    {"m1", `{"steps":20}`, "no prompt"},
		"empty prompt": {"m1", `{"prompt":""}`, "no prompt"},
	} {
		err := check(&amqp.Delivery{MessageId: c.id, Body: []byte(c.body)})
		if c.says == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestAgain(t *testing.T) {
	t.Parallel()
	m := amqp.Delivery{MessageId: "m1", Body: []byte("b"), Priority: 5, Headers: amqp.Table{
		"x-death": "the broker's", "tenant": "t", headerAttempts: int64(2),
	}}
	require.Equal(t, 2, attempts(m.Headers))
	p := again(&m, 3, errors.New(strings.Repeat("x", 600)), 200*time.Millisecond)
	require.Equal(t, "200", p.Expiration)
	require.Equal(t, uint8(amqp.Persistent), p.DeliveryMode)
	require.Equal(t, amqp.Table{"tenant": "t", headerAttempts: int64(3), headerReason: strings.Repeat("x", 500)}, p.Headers)
	require.Empty(t, again(&m, 3, errHopeless, 0).Expiration, "dead letters stay")
	require.Zero(t, attempts(amqp.Table{headerAttempts: "many"}))
	require.Zero(t, attempts(nil))
}

func TestSettings(t *testing.T) {
	t.Parallel()
	good := map[string]string{"AMQP_URL": "amqp://u:secret@h/", "AI_URL": "http://a", "API_URL": "http://b"}
	s, err := parse(func(name string) string { return good[name] })
	require.NoError(t, err)
	require.Equal(t, 1, s.prefetch)
	require.Equal(t, []string{"jobs", "jobs.dead", "jobs.retry"}, []string{s.queue, s.dead, s.retry})
	for name, value := range map[string]string{
		"AMQP_URL": "amqp://u:secret@h:x/", "AI_URL": "", "API_URL": "nowhere", "AMQP_PREFETCH": "0", "MAX_ATTEMPTS": "x",
		"STALL_AFTER": "5", "DRAIN_TIMEOUT": "-1s",
	} {
		_, err := parse(func(n string) string {
			if n == name {
				return value
			}
			return good[n]
		})
		if name == "AI_URL" {
			require.Error(t, err)
			continue
		}
		require.ErrorContains(t, err, name+":")
		require.NotContains(t, err.Error(), "secret")
	}
}
