package fault

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/fakes/alertsink"
	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
	"github.com/comeback-chaos/xk6-comeback/fakes/metadata"
	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/link"
	"github.com/comeback-chaos/xk6-comeback/harness/load"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
	"github.com/comeback-chaos/xk6-comeback/harness/wire"
)

// Lab is what a fault may touch of a run.
type Lab interface {
	// Record writes an event to the history.
	Record(e *history.Event)
	// Watch looks out for events that want likes, from now on. want runs for every event of the
	// run, in order: it must be quick and may not call the lab, but for Role.
	Watch(want func(*history.Event) bool) Watch
	// Role tells who opened a connection: "load", "consumer/0", ….
	Role(conn uint32) string
	// Wires are those between broker and target, one for each instance.
	Wires() []*wire.Wire
	// Links are the ways to a neighbour, one for each instance. It is an error when the scenario did not
	// ask for them.
	Links(name string) ([]*link.Link, error)
	// Worker is the AI worker.
	Worker() Worker
	// Hooks is the desk where the target's hooks ask what to do.
	Hooks() *hooks.Desk
	// HookPath is where the target finds a hook's executable.
	HookPath(hook string) string
	// Host is the target's host memory.
	Host() *hostmem.Fixture
	// Metadata are the instance metadata services of the target's instances, one for each.
	Metadata() []*metadata.Service
	// Claim takes what for one fault until release, which may be called again. It is an error when
	// another has it: two faults that set the same thing would undo each other.
	Claim(what string) (release func(), err error)
	// Targets are the target's processes, one for each instance; there is at least one.
	Targets() []Target
	// API is the server that takes the target's results, Alerts the one that takes its alerts.
	API() *apisink.Sink
	Alerts() *alertsink.Sink
	// Broker is the run's own broker. It is an error when the run shares its broker.
	Broker() (Broker, error)
	// URL is where a target answers requests. AskExtra offers one request beside those of the load: its id goes with
	// it in the header X-Request-Id, and who sends it records the Answer.
	URL() string
	AskExtra(method, path string) (history.MsgID, error)
	// Backends are the servers behind a target that answers requests, those included that were stopped.
	Backends() []Backend
	// Account is the service that some of them depend on. It is an error when none does.
	Account() (Backend, error)
	// AddBackend makes one more. It is not started, and the target not told of it.
	AddBackend(ctx context.Context, label string, spec server.Spec) (Backend, error)
	// AdminURL is where the target takes backends in and out. It is an error when the scenario does not say
	// that it needs such a target.
	AdminURL() (string, error)
	// Defect is the run's, "" when it has none. Of those that there are some are a deployer's.
	Defect() string
	// Admin looks into the broker's queues, from outside of the wires; Queue is the target's, Dead its
	// dead-letter queue ("": it has none).
	Admin() *broker.Admin
	Queue() string
	Dead() string
	// Submit offers one message beside those of the load. Buried tells whether the dead-letter queue
	// holds as many messages as were submitted to end there.
	Submit(body []byte, props load.Props) (history.MsgID, error)
	Buried(ctx context.Context) bool
	// Seed is the run's seed; a fault derives its own choices from it.
	Seed() uint64
}

// Watch keeps the events that it looks out for until they are asked for.
type Watch interface {
	// Next gives the oldest event not given yet, and waits for it.
	Next(ctx context.Context) (history.Event, error)
	// Close ends the watch.
	Close()
}

// Worker is the AI worker as a fault sees it.
type Worker interface {
	// Remote takes the rules by which it misbehaves.
	Remote() *aiworker.Remote
	// Serve asks the worker for one image and gives an error unless it answered one. No rule acts
	// on that request, nor counts it.
	Serve(ctx context.Context) error
	// Revive starts the worker unless it serves; Kill leaves it dead.
	Revive(ctx context.Context) error
	Kill() error
}

// Broker is a broker of the run's own as a fault sees it. Its address and data stay over restarts.
type Broker interface {
	// Stop asks it to end in order, Kill ends it at once; Start starts it and waits until it is ready.
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Kill() error
	// Pause stops the process as it is, and returns once it stands still; Resume lets it go on.
	Pause() error
	Resume() error
	// Eval runs an Erlang expression in it and gives what it prints.
	Eval(ctx context.Context, expr string) (string, error)
}

// Target is one instance's process as a fault sees it. Its name and its addresses stay over restarts.
type Target interface {
	// Name is the process's, and its connections' role: "consumer/0".
	Name() string
	// Stop asks it to end, and kills it after its grace period: how it ends is not judged. Terminate does
	// the same to a process that runs, has its end judged (clean-exit), and gives its exit code, which
	// is 128+n when signal n ended it. Both wait for the end.
	Stop(ctx context.Context) error
	Terminate(ctx context.Context) (code int, err error)
	// Kill ends it with SIGKILL and waits for the end.
	Kill(ctx context.Context) error
	// ExpectExit says that the fault makes the process end in order by itself, within so long; 0: however
	// long that takes. Why names the means. How it ends is judged (clean-exit).
	ExpectExit(why string, within time.Duration) (Ending, error)
	// Pause stops the process as it is (SIGSTOP), and returns once it stands still; Resume lets it go on;
	// one that has ended needs no Resume.
	Pause() error
	Resume() error
	// Running tells whether it has not ended, Paused whether the kernel says that it stands still.
	Running() bool
	Paused() bool
	// State is the folder of its own. Fill lets no file of its process grow any more, until room is called.
	State() string
	Fill() (room func() error, err error)
	// Use says which entry of comeback.yaml the next Start starts; "": the run's own.
	Use(entry string) error
	// Start starts it, unless it runs, without waiting until it is ready; Ready waits for that, for as
	// long as its entry allows.
	Start(ctx context.Context) error
	Ready(ctx context.Context) error
}

// Ending is the coming end of one process.
type Ending interface {
	// Await waits for it and gives the exit code, 128+n when signal n ended it.
	Await(ctx context.Context) (code int, err error)
	// Withdraw says that the fault does not make it end after all.
	Withdraw()
}

// instance gives the target's n-th instance, counted from 0.
func instance(lab Lab, n int) (Target, error) {
	all := lab.Targets()
	if n < 0 || n >= len(all) {
		return nil, fmt.Errorf("instance: %d, want 0 to %d: the run has that many (instances in incident())", n, len(all)-1)
	}
	return all[n], nil
}

// ofTarget tells whether a process, or a connection's role, is one of the target's instances.
func ofTarget(lab Lab) func(who string) bool {
	name := lab.Targets()[0].Name()
	all := name[:strings.LastIndexByte(name, '/')+1]
	return func(who string) bool { return who == name || all != "" && strings.HasPrefix(who, all) }
}
