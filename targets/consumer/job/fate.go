package job

import (
	"context"
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ai"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/report"
)

// Fate is what becomes of a message whose job failed.
type Fate int

// The fates.
const (
	Again    Fate = iota // wait in the retry queue, with one more attempt on its account
	Bury                 // dead-letter, with the reason
	Later                // wait in the retry queue, with nothing on its account: the failure was not the job's
	HandBack             // back into the queue as it is: the failure was not the job's
)

// ErrDown means that the AI process was down: no fault of the job.
var ErrDown = errors.New("the AI process is down")

// ErrDeadly means that the AI process went down too often while it worked on this job.
var ErrDeadly = errors.New("the AI process goes down during this job")

// Judge makes the usual judge over failed jobs; one is given up after most attempts.
func Judge(most int) func(Job, error) Fate {
	return func(j Job, err error) Fate {
		switch {
		case errors.Is(err, ErrMalformed), errors.Is(err, ErrDeadly):
			return Bury
		case errors.Is(err, ErrDown), errors.Is(err, context.Canceled):
			return HandBack
		case errors.Is(err, report.ErrDown):
			return Later
		case j.Attempts+1 >= most:
			return Bury
		default:
			return Again
		}
	}
}

// blame tells a failure of the AI process from one of the job: when no complete answer came, a ping
// says whether it still lives.
func blame(ctx context.Context, err error, ping func(context.Context) error) error {
	if !errors.Is(err, ai.ErrNoAnswer) {
		return err
	}
	if ctx.Err() != nil { // it was us who broke off: nobody need be asked
		if errors.Is(context.Cause(ctx), ErrDown) {
			return errors.Join(ErrDown, err)
		}
		return err
	}
	if down := ping(ctx); down != nil {
		return errors.Join(ErrDown, err)
	}
	return err
}

// trial tells what became of the AI process during an attempt that ended with err.
func trial(ctx context.Context, err error) Trial {
	switch down := errors.Is(err, ErrDown); {
	case down && !errors.Is(err, ai.ErrUnsent):
		return Crashed
	case down, err != nil && ctx.Err() != nil:
		return Untried
	}
	return Survived
}
