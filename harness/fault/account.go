package fault

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
)

var accountKind = Kind{
	Name: "account",
	Args: []string{"rules"},
	Of:   Requests,
	Doc:  "makes the account service misbehave on which backends depend",
	Does: `Gives the service that some backends call for some of their requests rules for what they ask of it; it is not behind
the target. In effect once each rule has acted; gone once it has answered a backend well again.`,
	Correct: `Keeps the fault where it is: what needs the account service fails, or waits, and everything else is served as fast as
ever, since no backend is given so much to wait for that it has no thread left.`,
	Needs: "A backend that calls it: account with the url http://account in backends of incident().",
	New:   func() Fault { return &AccountRules{} },
}

// AccountRules makes the account service misbehave by rules; the first whose turn it is acts.
type AccountRules struct {
	Rules []upstream.Rule `json:"rules" doc:"as those of a backend"`
}

// Inject implements Fault.
func (f *AccountRules) Inject(ctx context.Context, lab Lab) (Injected, error) {
	service, err := lab.Account()
	if err != nil {
		return Injected{}, err
	}
	return misbehave(ctx, lab, service, f.Rules)
}
