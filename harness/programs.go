package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
)

// programs are what scenarios may need of the machine, each with what says why it is not there.
func programs() map[string]func() error {
	return map[string]func() error{
		"asgi": asgi.Missing, // gunicorn, uvicorn, Django
	}
}

// Missing says what the scenario needs that this machine has not, nil when all is there. It is skipped then.
func (s Spec) Missing() error {
	for _, name := range s.Programs {
		if err := programs()[name](); err != nil {
			return err
		}
	}
	for _, b := range s.Backends {
		if err := b.Missing(); err != nil {
			return err
		}
	}
	return nil
}

// Programs are the names that a scenario may list.
func Programs() []string { return slices.Sorted(maps.Keys(programs())) }

func checkPrograms(names []string) error {
	known := Programs()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("programs: %q, want some of %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}
