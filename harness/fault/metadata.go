package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/fakes/metadata"
)

var metadataKind = Kind{
	Name: "metadata", Args: []string{"rules"},
	Doc: "makes an instance's metadata service misbehave",
	Does: `Gives the service rules: it is late, answers errors or garbage, hangs, or cuts the connection. In effect once each rule
has acted, gone once a request is answered as it should be.`,
	Correct: `Takes what is no notice for none, says that it could not ask, asks again, and works on all the while.`,
	Needs:   "A target that reads {metadata} all the time, as one does that waits for the notice of a spot instance.",
	New:     func() Fault { return &Metadata{} },
}

// Metadata makes the metadata service of one instance misbehave by rules; the first whose turn it is acts.
type Metadata struct {
	Rules    []metadata.Rule `json:"rules" doc:"at least one: {do, on, status, delay, nth, times}; index.d.ts tells their values"`
	Instance int             `json:"instance" doc:"which of the target's, from 0"`
}

// Inject implements Fault. It is in effect once each rule has acted.
func (f *Metadata) Inject(_ context.Context, lab Lab) (Injected, error) {
	if len(f.Rules) == 0 {
		return Injected{}, errors.New("rules: none: it wants at least one, such as {do: \"garbage\"}")
	}
	if _, err := instance(lab, f.Instance); err != nil {
		return Injected{}, err
	}
	service := lab.Metadata()[f.Instance]
	rules, err := addAll(f.Rules, func(r metadata.Rule) (metadataRule, error) {
		a, err := service.Add(r)
		return metadataRule{a}, err
	})
	if err != nil {
		return Injected{}, err
	}
	return Injected{
		InEffect: func(ctx context.Context) (string, error) { return acted(ctx, "instance metadata", rules) },
		Spent:    spentRules("instance metadata", rules, func(n int) int { return f.Rules[n].Times }),
		Heal:     func(context.Context) error { return removeAll(rules) },
		Gone: func(ctx context.Context) (string, error) {
			if err := closed(ctx, service.Answered()); err != nil {
				return "", fmt.Errorf("waiting until the target is given a right answer: %w", err)
			}
			return "a request for instance metadata was answered as it should be", nil
		},
	}, nil
}

// metadataRule is a rule in force at the service: taking it out cannot fail.
type metadataRule struct{ *metadata.Armed }

// Remove implements armed.
func (r metadataRule) Remove() error {
	r.Armed.Remove()
	return nil
}
