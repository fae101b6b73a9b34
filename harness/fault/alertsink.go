package fault

import (
	"context"
	"errors"

	"github.com/comeback-chaos/xk6-comeback/fakes/alertsink"
)

var alertSinkKind = Kind{
	Name: "alertSink", Args: []string{"rules"},
	Doc: "makes the webhook misbehave that takes the target's alerts",
	Does: `Gives the webhook rules: it answers 429 with Retry-After, answers errors, hangs, or cuts the connection. In effect once
each rule has acted, gone once it takes alerts again: there may be none to come.`,
	Correct: "Delivers each alert once, later if need be and not sooner than it is told to, and lets its work wait for none.",
	Needs:   "A target that alerts.",
	New:     func() Fault { return &AlertSink{} },
}

// AlertSink makes the webhook for alerts misbehave by rules; the first whose turn it is acts. As with
// Hook, there is nothing to be seen of it between alerts: it is gone when it takes them again.
type AlertSink struct {
	Rules []alertsink.Rule `json:"rules" doc:"at least one: {do, status, retryAfter, nth, times}; index.d.ts tells their values"`
}

// Inject implements Fault. It is in effect once each rule has acted.
func (f *AlertSink) Inject(_ context.Context, lab Lab) (Injected, error) {
	if len(f.Rules) == 0 {
		return Injected{}, errors.New("rules: none: it wants at least one, such as {do: \"limit\"}")
	}
	rules, err := addAll(f.Rules, func(r alertsink.Rule) (webhookRule, error) {
		a, err := lab.Alerts().Add(r)
		return webhookRule{a}, err
	})
	if err != nil {
		return Injected{}, err
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) { return acted(ctx, "webhook", rules) },
		Spent:    spentRules("webhook", rules, func(n int) int { return f.Rules[n].Times }),
		Heal:     func(context.Context) error { return removeAll(rules) },
		Gone: func(context.Context) (string, error) {
			return "the webhook takes alerts again", nil
		},
	}, nil
}

// webhookRule is a rule in force at the webhook: taking it out cannot fail.
type webhookRule struct{ *alertsink.Armed }

// Remove implements armed.
func (r webhookRule) Remove() error {
	r.Armed.Remove()
	return nil
}
