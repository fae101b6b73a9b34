package aiworker

import (
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Script is how the worker behaves. The zero value works: four jobs at a time, 5 ms each, 25 ms when
// the model has to be loaded first. Of the rules that match, the first whose turn it is acts.
type Script struct {
	Warm        script.Duration `json:"warm,omitempty"`        // of a job whose model is loaded; 0: 5 ms
	Cold        float64         `json:"cold,omitempty"`        // times as long when it is not, 1 to 1000; 0: 5
	Concurrency int             `json:"concurrency,omitempty"` // jobs at a time, the others queue; 0: 4
	Keep        int             `json:"keep,omitempty"`        // models that stay loaded; 0: 1
	Models      []string        `json:"models,omitempty"`      // those there are; none: any name will do
	Rules       []Rule          `json:"rules,omitempty"`
}

// Check tells what is wrong with the script.
func (s Script) Check() error {
	if err := script.CheckDelay("warm", s.Warm); err != nil {
		return err
	}
	if s.Cold != 0 && !(s.Cold >= 1 && s.Cold <= 1000) {
		return fmt.Errorf("cold %g is out of range: want 1 to 1000", s.Cold)
	}
	if s.Concurrency < 0 || s.Concurrency > 10_000 || s.Keep < 0 {
		return fmt.Errorf("concurrency %d, keep %d: want 0 to 10000 and not less than 0", s.Concurrency, s.Keep)
	}
	for i, r := range s.Rules {
		if err := r.Check(); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
	}
	return nil
}

func (s Script) warm() time.Duration {
	if s.Warm == 0 {
		return 5 * time.Millisecond
	}
	return time.Duration(s.Warm)
}

// load is how long it takes to load a model: what a cold job takes beyond a warm one.
func (s Script) load() time.Duration {
	cold := s.Cold
	if cold == 0 {
		cold = 5
	}
	return time.Duration(float64(s.warm()) * (cold - 1))
}

func (s Script) concurrency() int {
	if s.Concurrency == 0 {
		return 4
	}
	return s.Concurrency
}

// UnmarshalJSON reads a script and checks it; an unknown field is an error.
func (s *Script) UnmarshalJSON(data []byte) error {
	type plain Script
	*s = Script{} // an element of a list may hold a former one
	return script.DecodeChecked("AI worker script", data, (*plain)(s), func() error { return s.Check() })
}

// Split implements remote.Script.
func (s Script) Split() (Script, []Rule) {
	rules := s.Rules
	s.Rules = nil
	return s, rules
}

// Fake implements remote.Script.
func (Script) Fake() string { return "AI worker" }
