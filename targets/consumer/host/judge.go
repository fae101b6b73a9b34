package host

import "fmt"

// HookError is a hook that did not do what it is for. It carries the code and what the hook said.
type HookError struct {
	Hook    string // "restart" or "terminate"
	Outcome Outcome
	Why     string
}

func (e *HookError) Error() string {
	return fmt.Sprintf("%s hook: %s: %v", e.Hook, e.Why, e.Outcome)
}

func (e *HookError) Unwrap() error { return e.Outcome.Err }

// clean tells whether the command came to an end of its own, so that its code means something.
func (o Outcome) clean() bool { return o.Err == nil && !o.TimedOut && o.Signal == 0 }

// JudgeRestart makes the usual judge over a restart: only the code ok means restarted. Code failed is
// the hook's own word for a failure; any other code, a hang, a signal or a missing file is one too.
func JudgeRestart(ok, failed int) func(Outcome) error {
	return func(o Outcome) error {
		switch {
		case !o.clean():
			return &HookError{"restart", o, "it did not come to its end"}
		case o.Code == ok:
			return nil
		case o.Code == failed:
			return &HookError{"restart", o, "it says that it failed"}
		default:
			return &HookError{"restart", o, fmt.Sprintf("a code that is neither restarted (%d) nor failed (%d)", ok, failed)}
		}
	}
}

// JudgeTerminate is the usual judge over a termination: only exit code 0 means that it was accepted.
func JudgeTerminate(o Outcome) error {
	switch {
	case !o.clean():
		return &HookError{"terminate", o, "it did not come to its end"}
	case o.Code != 0:
		return &HookError{"terminate", o, "the instance is not being terminated"}
	default:
		return nil
	}
}
