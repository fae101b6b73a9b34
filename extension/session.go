package extension

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/errext/exitcodes"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

// session is the one run of this k6 process.
type session struct {
	once sync.Once // joins k6's events
	log  logrus.FieldLogger
	env  func(string) string

	lab atomic.Pointer[harness.Lab] // the running lab; read at every submit

	mu        sync.Mutex
	spec      *harness.Spec
	described bool
	started   bool
	startErr  error
	metrics   registered
	samples   *samples
	closed    bool
	finished  *harness.Lab
	judgement *check.Judgement
	finishErr error
}

// join subscribes to k6's events: once for the process, and for each VU to the end of its iterations.
func (s *session) join(vu modules.VU) error {
	s.once.Do(func() {
		init := vu.InitEnv()
		s.log = init.Logger
		s.env = func(name string) string {
			return setting(init.RuntimeOptions.Env, os.Args, os.LookupEnv, name)
		}
		if events := vu.Events().Global; events != nil {
			_, ch := events.Subscribe(testEnd, exit)
			go func() { // inline: the type of an event is internal to k6 and cannot be named
				for e := range ch {
					s.onEvent(int(e.Type), e.Data)
					e.Done() // k6 waits for it
				}
			}()
		}
	})
	if events := vu.Events().Local; events != nil {
		_, ch := events.Subscribe(iterEnd)
		go func() {
			for e := range ch {
				s.onIteration(e.Data)
				e.Done()
			}
		}()
	}
	return s.registerMetrics(vu)
}

// setting gives what the user said with -e, or else by the environment variable COMEBACK_<name>. k6
// takes the whole environment for the script's: a BROKER that somebody's shell has exported is not ours,
// unless the command line says the same.
func setting(script map[string]string, args []string, system func(string) (string, bool), name string) string {
	exported, is := system(name)
	if value, ok := script[name]; ok && (!is || value != exported || said(args, name)) {
		return value
	}
	value, _ := system("COMEBACK_" + name)
	return value
}

// declare takes the spec of incident(). Every VU runs the script's top anew, so it comes many times.
func (s *session) declare(spec harness.Spec) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spec != nil && !reflect.DeepEqual(*s.spec, spec) {
		return fmt.Errorf("incident() was called twice with different content (%q, %q): a script has one run", s.spec.Name, spec.Name)
	}
	s.spec = &spec
	if path := os.Getenv(describeEnv); path != "" && !s.described {
		s.described = true
		return describe(spec, path)
	}
	return nil
}

// start stands the lab up.
func (s *session) start(ctx context.Context, state *lib.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.spec == nil:
		return errors.New("run.start(): incident() was not called")
	case s.started:
		return errors.New("run.start() was called before: a script has one run")
	case s.closed:
		return errors.New("run.start() came after the end of the test")
	}
	s.started = true
	config, err := s.config(*s.spec)
	if err == nil {
		var lab *harness.Lab
		if lab, err = harness.Start(ctx, config); err == nil {
			s.lab.Store(lab)
			s.samples = s.startSamples(lab, state)
			return nil
		}
	}
	s.startErr = err
	return fmt.Errorf("run.start(): %w", err)
}

// running gives the lab, or nil when it is not up.
func (s *session) running() *harness.Lab { return s.lab.Load() }

// finish ends the run and judges it. It is called at the test's end, when metrics can still be pushed,
// and again at exit for a run that k6 ended without one; the first call does the work.
func (s *session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	lab := s.lab.Swap(nil)
	if lab == nil {
		return
	}
	s.finished = lab
	s.judgement, s.finishErr = lab.Finish(context.Background())
	if s.samples != nil {
		counts := s.judgement
		if s.finishErr != nil {
			counts = nil
		}
		s.samples.close(counts)
	}
}

// seal closes the run for good. An error that k6 ends with is the script's doing, as an exception in
// its teardown or a Ctrl-C is, unless it is a threshold's: it then belongs into the history, and the
// history is judged with it.
func (s *session) seal(k6Err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lab := s.finished
	if lab == nil || s.judgement == nil {
		return
	}
	amended := k6Err != nil && !isThreshold(k6Err)
	if amended {
		lab.ScriptError("k6", k6Err)
	}
	err := lab.Close()
	if err == nil && amended {
		s.judgement, err = harness.Judge(lab.Dir())
	}
	if err == nil {
		err = writeVerdict(lab.Dir(), s.judgement)
	}
	s.finishErr = errors.Join(s.finishErr, err)
}

func isThreshold(err error) bool {
	var coded errext.HasExitCode
	return errors.As(err, &coded) && coded.ExitCode() == exitcodes.ThresholdsHaveFailed
}
