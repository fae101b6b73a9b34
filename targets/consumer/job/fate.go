package job

import (
	"context"
	"errors"
	"net"

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
	if ctx.Err() != nil || !errors.Is(err, ai.ErrNoAnswer) {
		return err
	}
	if down := ping(ctx); down != nil {
		return errors.Join(ErrDown, err)
	}
	return err
}

// trial tells of an attempt's error what became of the AI process.
func trial(err error) Trial {
	switch down := errors.Is(err, ErrDown); {
	case down && reached(err):
		return Crashed
	case down, errors.Is(err, context.Canceled):
		return Untried
	}
	return Survived
}

// reached tells whether the request had got as far as the AI process before it failed.
func reached(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return !ok || op.Op != "dial"
}
