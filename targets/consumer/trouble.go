package consumer

import (
	"context"
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// Titles of the incidents, as alerts carry them.
const (
	TitleSwapUnset   = "Swap is not set up"
	TitleSwapLow     = "Swap is nearly used up"
	TitleAIDown      = "AI process is down"
	TitleAIFailing   = "AI process fails every job"
	TitleAIHangs     = "AI process hangs"
	TitleAPIDown     = "API server takes no reports"
	TitleWarmUp      = "Warm-up failed"
	TitleTermination = "Instance could not be terminated"
	TitleMemory      = "Host memory cannot be read"
	TitleQueue       = "Queue has other arguments"
	TitleState       = "State cannot be written"
)

// ownEnd lists the incidents that are no part of others, and end when what they are about does: not
// when the consumer consumes again.
var ownEnd = []string{TitleSwapUnset, TitleMemory, TitleQueue, TitleState, TitleAPIDown}

// Trouble is why the consumer stops consuming and looks after the AI process.
type Trouble struct {
	Title string // of the incident
	Err   error
	// Suspected means that it may be a blip: the AI process gets a chance to answer again before
	// anything is done about it.
	Suspected bool
}

func (t *Trouble) Error() string { return t.Title + ": " + t.Err.Error() }

func (t *Trouble) Unwrap() error { return t.Err }

// cause is why the work on jobs is broken off: that the AI process has gone down, or nothing that could be
// a job's doing.
func (t *Trouble) cause() error {
	if errors.Is(t.Err, job.ErrDown) || t.Title == TitleAIDown && !errors.Is(t.Err, context.DeadlineExceeded) {
		return job.ErrDown
	}
	return nil
}
