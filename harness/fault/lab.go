package fault

import (
	"context"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
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
	// Worker is the AI worker.
	Worker() Worker
	// Hooks is the desk where the target's hooks ask what to do.
	Hooks() *hooks.Desk
	// HookPath is where the target finds a hook's executable.
	HookPath(hook string) string
	// Host is the target's host memory.
	Host() *hostmem.Fixture
	// Target is the target's process.
	Target() Target
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
	// Serve asks the worker for one image and gives an error unless it answered one.
	Serve(ctx context.Context, prompt string) error
	// Start starts the worker, or starts it again; Kill leaves it dead.
	Start(ctx context.Context) error
	Kill() error
}

// Target is the target's process as a fault sees it. With several instances it is the first.
type Target interface {
	// Stop asks it to end, and kills it after its grace period.
	Stop(ctx context.Context) error
	// Start starts it without waiting until it is ready.
	Start(ctx context.Context) error
}
