package rollout

import (
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Settings of a service, as in ECS.
type Settings struct {
	Desired        int             `json:"desired"`        // tasks
	MinimumHealthy int             `json:"minimumHealthy"` // percent of Desired, rounded up
	Maximum        int             `json:"maximum"`        // percent of Desired that run at most, rounded down
	Grace          script.Duration `json:"grace"`          // so long after its start a task need not be healthy; 0: until the balancer calls it unhealthy
	Drain          script.Duration `json:"drain"`          // that a task that goes has for its requests
	Limit          script.Duration `json:"limit"`          // wait for stability so long
	Poll           script.Duration `json:"poll"`           // look so often
	Breaker        bool            `json:"breaker"`        // stop when too many tasks in a row fail
	Rollback       bool            `json:"rollback"`       // to the former version, when the breaker or the limit says so
}

// Defaults are ECS's for one task; the limit is that of `aws ecs wait services-stable`.
func Defaults() Settings {
	second := script.Duration(time.Second)
	return Settings{
		Desired: 1, MinimumHealthy: 100, Maximum: 200, Drain: 30 * second,
		Limit: 600 * second, Poll: second, Breaker: true, Rollback: true,
	}
}

// Floor is how many tasks must stay healthy.
func (s Settings) Floor() int { return (s.Desired*s.MinimumHealthy + 99) / 100 }

// Ceiling is how many tasks may run.
func (s Settings) Ceiling() int { return s.Desired * s.Maximum / 100 }

// Threshold is how many tasks in a row have to fail for the breaker: half of those desired, 3 to 200.
func (s Settings) Threshold() int { return min(max((s.Desired+1)/2, 3), 200) }

// Check tells what is wrong with the settings.
func (s Settings) Check() error {
	switch {
	case s.Desired < 1 || s.Desired > 1000:
		return fmt.Errorf("desired %d is out of range: want 1 to 1000", s.Desired)
	case s.MinimumHealthy < 0 || s.MinimumHealthy > 100:
		return fmt.Errorf("minimumHealthy %d is out of range: want 0 to 100", s.MinimumHealthy)
	case s.Maximum < 100 || s.Maximum > 200:
		return fmt.Errorf("maximum %d is out of range: want 100 to 200", s.Maximum)
	case s.Ceiling() <= s.Floor():
		return fmt.Errorf("of %d tasks at least %d must be healthy and at most %d may run: there is no room to replace one", s.Desired, s.Floor(), s.Ceiling())
	case s.Poll <= 0 || s.Limit <= 0:
		return fmt.Errorf("poll %v, limit %v: want both above 0", s.Poll, s.Limit)
	}
	for name, d := range map[string]script.Duration{"grace": s.Grace, "drain": s.Drain, "limit": s.Limit, "poll": s.Poll} {
		if err := script.CheckDelay(name, d); err != nil {
			return err
		}
	}
	return nil
}

// UnmarshalJSON reads settings over the defaults and checks them; an unknown field is an error.
func (s *Settings) UnmarshalJSON(data []byte) error {
	type plain Settings
	*s = Defaults()
	return script.DecodeChecked("rollout", data, (*plain)(s), func() error { return s.Check() })
}
