package harness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/alertsink"
	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
	"github.com/comeback-chaos/xk6-comeback/fakes/metadata"
	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/link"
	"github.com/comeback-chaos/xk6-comeback/harness/load"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// Config is one run to be made.
type Config struct {
	Spec    Spec
	Defect  string       // "": the target itself; otherwise its legacy command with that defect
	Seed    uint64       // of every random choice of the run
	Broker  string       // as broker.Open takes it: "", "auto", "local" or an AMQP URL
	Out     string       // the run's folder: history, logs, verdict; made anew
	Targets string       // path of comeback.yaml
	File    *target.File // instead of Targets, where there is no such file; nil: Targets is read
	Self    string       // the k6 binary, which the fakes' processes run as `x comeback fake …`
	Repeat  string       // the command that repeats the run, for the report
	Log     *slog.Logger // nil: discard
}

// Lab is what one run stands up.
type Lab struct {
	config Config
	file   *target.File
	target target.Target
	log    *slog.Logger

	ctx    context.Context // the run's own: it outlives every iteration of the script
	cancel context.CancelFunc

	record   *recorder
	live     *live
	group    *child.Group
	broker   broker.Broker
	admin    *broker.Admin
	control  *control.Server
	api      *apisink.Sink
	alerts   *alertsink.Sink
	desk     *hooks.Desk
	host     *hostmem.Fixture
	metadata []*metadata.Service // one for each instance
	worker   *worker
	wires    []*wire.Wire
	site     site                    // behind a target that answers requests
	asked    atomic.Int64            // requests offered
	links    map[string][]*link.Link // by neighbour, one for each instance; only those that the scenario names
	conns    atomic.Uint32           // connections numbered over all wires
	targets  []*instance
	load     *load.Publisher

	last sync.Map // process → the last line that it printed, for errors

	ready   atomic.Int64 // messages in the queue, when it was last looked at
	doomed  atomic.Int64 // messages submitted that a correct target dead-letters
	began   atomic.Bool
	loadEnd chan struct{} // closed when the load has been offered
	endOnce sync.Once

	mu        sync.Mutex
	faults    []*fault.Active
	injecting sync.Map       // fault id → its *injection, while it waits for its moment
	claims    claims         // see Claim
	wg        sync.WaitGroup // the lab's own goroutines
}

// The limits of a run's steps; none is ever waited for in full when all is well.
const (
	startLimit = 60 * time.Second
	drainLimit = 2500 * time.Millisecond // from the load's end until all that was accepted has had its effect
	settle     = time.Second             // for the load's last confirms
)

// Start stands a lab up and returns when its target is ready. ctx bounds the start only. When it
// fails, everything is taken down again; what it had recorded stays in the run's folder.
func Start(ctx context.Context, c Config) (*Lab, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	l, err := newLab(c)
	if err != nil {
		return nil, err
	}
	for _, step := range l.steps() {
		if err := step.do(ctx); err != nil {
			err = fmt.Errorf("%s: %w", step.name, err)
			l.note("start", err.Error())
			return nil, errors.Join(err, l.takeDown(), l.record.Close())
		}
	}
	return l, nil
}

// step is one of those in which a lab is stood up.
type step struct {
	name string
	do   func(context.Context) error
}

func (l *Lab) steps() []step {
	switch {
	case l.config.Spec.Sweep != nil:
		return []step{{"start the fakes", l.openSinks}} // servers come with Sweep
	case l.http():
		return []step{
			{"start the fakes", l.openSinks},
			{"start the backends", l.openBackends},
			{"start the target", l.startTargets},
			{"probe the target's CPU", l.openCPU},
			{"probe the target's memory", l.openMemory},
		}
	}
	return []step{
		{"start the broker", l.openBroker},
		{"start the fakes", l.openFakes},
		{"open the wires", l.openWires},
		{"open the links", l.openLinks},
		{"start the target", l.startTargets},
		{"connect the load", l.openLoad},
		{"probe the queue", l.openProbe},
		{"probe the target's CPU", l.openCPU},
		{"probe the target's memory", l.openMemory},
	}
}

// newLab checks the configuration, makes the run's folder and begins the history.
func newLab(c Config) (*Lab, error) {
	if err := c.Spec.Check(); err != nil {
		return nil, err
	}
	file, err := c.File, error(nil)
	if file == nil {
		if file, err = target.Load(c.Targets); err != nil {
			return nil, err
		}
	}
	t, err := file.Target(c.Spec.Target)
	if err == nil {
		err = t.Lacks(c.Spec.Needs)
	}
	if err != nil {
		return nil, err
	}
	if err := c.Spec.Missing(); err != nil {
		return nil, err
	}
	if err := c.Spec.suits(t); err != nil {
		return nil, err
	}
	if c.Spec.Instances > 0 {
		t.Instances = c.Spec.Instances
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Out, err = freshFolder(c.Out); err != nil {
		return nil, err
	}
	l := &Lab{config: c, file: file, target: t, log: c.Log, loadEnd: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.live = newLive()
	l.record = &recorder{}
	l.record.Writer, err = history.Create(history.Options{
		Path: filepath.Join(c.Out, HistoryFile), Log: c.Log,
		Observe: func(e *history.Event) { l.live.observe(e); l.record.observe(e) },
	})
	if err != nil {
		l.cancel()
		return nil, err
	}
	l.wg.Go(func() { // a full disk: there is nothing to be gained from going on
		select {
		case <-l.record.Failed():
			l.log.Error("the history cannot be written: the run ends", "folder", c.Out, "error", l.record.Err())
			l.endLoad()
		case <-l.ctx.Done():
		}
	})
	if err := l.begin(); err != nil {
		l.cancel()
		return nil, errors.Join(err, l.record.Close())
	}
	return l, nil
}

// The files in a run's folder, beside logs/.
const (
	HistoryFile = "history.cbh"
	VerdictFile = "verdict.json" // written by whoever judged the run
	logFolder   = "logs"
)

// freshFolder makes a run's folder, without what an earlier run left in it.
func freshFolder(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("run folder: %w", err)
	}
	for _, old := range []string{HistoryFile, VerdictFile, logFolder} {
		if err := os.RemoveAll(filepath.Join(path, old)); err != nil {
			return "", fmt.Errorf("run folder %s: clear what an earlier run left: %w", path, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(path, logFolder), 0o755); err != nil {
		return "", fmt.Errorf("run folder %s: %w: give another with -e OUT=<dir>", path, err)
	}
	return path, nil
}

// Dir is the run's folder.
func (l *Lab) Dir() string { return l.config.Out }

// note puts something that is no op into the history.
func (l *Lab) note(name, text string) {
	l.record.Append(&history.Event{Kind: history.Mark, Who: name, Text: text})
}

// takeDown ends all but the history, in the reverse order of Start; parts that were never up are
// skipped.
func (l *Lab) takeDown() error {
	l.cancel()
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if l.load != nil {
		errs = append(errs, l.load.Close(ctx))
	}
	for _, links := range l.links {
		for _, k := range links {
			errs = append(errs, k.Close())
		}
	}
	for _, w := range l.wires {
		errs = append(errs, w.Close())
	}
	l.wg.Wait()
	if l.admin != nil {
		errs = append(errs, l.admin.Close())
	}
	errs = append(errs, l.closeFakes())
	if l.group != nil { // a broker of the run's own needs no orderly end: its folder goes, too
		errs = append(errs, l.group.Close())
	}
	return errors.Join(errs...)
}
