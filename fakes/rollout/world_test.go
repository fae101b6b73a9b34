package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// fate is what becomes of an instance.
type fate struct {
	Boot  time.Duration // until it is healthy
	Sick  bool          // it never is
	Dies  time.Duration // after its start; 0: it does not
	Lapse time.Duration // once healthy, it is unhealthy for a second after this time; 0: never
	Drain time.Duration // it takes to finish its requests
	Wrong bool          // it cannot be started
	Cold  bool          // until it is healthy it is unhealthy
	Ends  string        // how it ended, if it says so
}

// world is a balancer and the instances behind it, by the clock of the test. It notes what a deployer
// must not do.
type world struct {
	settings   Settings
	fates      map[string][]fate // by version, one instance after the other, again and again
	blind      func() bool       // the balancer does not answer now; nil: it does
	made       map[string]int
	all        []*machine
	violations []string
	cut        int // tasks that had less time for their requests than these take
}

type machine struct {
	fate
	world         *world
	name, version string
	began         time.Time
	ended         chan struct{}
	registered    bool
	leaves        time.Time // zero: it does not
}

func (w *world) violated(format string, args ...any) {
	w.violations = append(w.violations, fmt.Sprintf(format, args...))
}

// Start implements Instances.
func (w *world) Start(_ context.Context, name, version string) (Instance, error) {
	fates := w.fates[version]
	n := w.made[version]
	w.made[version]++
	m := &machine{fate: fates[n%len(fates)], world: w, name: name, version: version, began: time.Now(), ended: make(chan struct{})}
	if m.Wrong {
		return nil, errors.New("no such image")
	}
	if running := w.count((*machine).runs); running >= w.settings.Ceiling() {
		w.violated("%d run, and another one is started", running)
	}
	w.all = append(w.all, m)
	return m, nil
}

func (w *world) count(which func(*machine) bool) int {
	n := 0
	for _, m := range w.all {
		if which(m) {
			n++
		}
	}
	return n
}

func (m *machine) URL() string    { return "http://" + m.name }
func (m *machine) Ending() string { return m.Ends }

// Done implements Instance; a machine that has had its time is found dead.
func (m *machine) Done() <-chan struct{} {
	if m.Dies > 0 && time.Since(m.began) >= m.Dies && !closed(m.ended) {
		close(m.ended)
	}
	return m.ended
}

func (m *machine) Stop(context.Context) error {
	if m.listed() && !closed(m.Done()) {
		m.world.violated("%s is stopped while the balancer knows it", m.name)
	}
	if !closed(m.Done()) {
		close(m.ended)
	}
	return nil
}

func (m *machine) runs() bool { return !closed(m.Done()) }
func (m *machine) listed() bool {
	return m.registered && (m.leaves.IsZero() || time.Now().Before(m.leaves))
}

func (m *machine) state() State {
	age := time.Since(m.began)
	switch {
	case !m.leaves.IsZero():
		return Leaving
	case closed(m.Done()), m.Lapse > 0 && age >= m.Boot+m.Lapse && age < m.Boot+m.Lapse+time.Second:
		return Unhealthy
	case m.Cold && age < m.Boot:
		return Unhealthy
	case m.Sick || age < m.Boot:
		return Starting
	}
	return Healthy
}

func (m *machine) serves() bool { return m.listed() && m.state() == Healthy }

// Register implements Balancer.
func (w *world) Register(_ context.Context, name, _, _ string) error {
	w.named(name).registered = true
	return nil
}

func (w *world) named(name string) *machine {
	return w.all[slices.IndexFunc(w.all, func(m *machine) bool { return m.name == name })]
}

// Deregister implements Balancer.
func (w *world) Deregister(_ context.Context, name string, deadline time.Duration) error {
	m := w.named(name)
	if m.serves() {
		rest := w.count((*machine).serves) - 1
		if rest < w.settings.Floor() {
			w.violated("%s is taken out, %d stay healthy", name, rest)
		}
		if rest == 0 {
			return errors.New("it is the last healthy one")
		}
	}
	if deadline < m.Drain {
		w.cut++
	}
	m.leaves = time.Now().Add(min(m.Drain, deadline))
	return nil
}

// Backends implements Balancer.
func (w *world) Backends(context.Context) (map[string]Backend, error) {
	if w.blind != nil && w.blind() {
		return nil, errors.New("connection refused")
	}
	list := map[string]Backend{}
	for _, m := range w.all {
		if m.listed() {
			list[m.name] = Backend{State: m.state(), Reason: "404, wanted 200"}
		}
	}
	return list, nil
}

// serving are the versions that do, with how many instances.
func (w *world) serving() map[string]int {
	list := map[string]int{}
	for _, m := range w.all {
		if m.serves() {
			list[m.version]++
		}
	}
	return list
}

// alone tells what is wrong with "this version serves, with all its tasks, and nothing else runs".
func (w *world) alone(version string) string {
	want := map[string]int{version: w.settings.Desired}
	if got := w.serving(); !maps.Equal(got, want) {
		return fmt.Sprintf("%v serve, not %v", got, want)
	}
	if n := w.count((*machine).runs); n != w.settings.Desired {
		return fmt.Sprintf("%d run", n)
	}
	return ""
}
