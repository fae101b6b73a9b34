package harness

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// State implements fault.Target.
func (t *instance) State() string { return t.addresses[target.State] }

// Fill implements fault.Target: the process may not make any file longer. Its hard limit stays, so that
// it takes no privilege to undo it. A process that has ended needs no room.
func (t *instance) Fill() (room func() error, err error) {
	p, _ := t.current()
	if p == nil || !t.Running() {
		return nil, fmt.Errorf("fill the disk of %s: it does not run", t.name)
	}
	var before unix.Rlimit
	if err := unix.Prlimit(p.PID(), unix.RLIMIT_FSIZE, nil, &before); err != nil {
		return nil, fmt.Errorf("fill the disk of %s: read its limit for files: %w", t.name, err)
	}
	full := before
	full.Cur = 0
	if err := unix.Prlimit(p.PID(), unix.RLIMIT_FSIZE, &full, nil); err != nil {
		return nil, fmt.Errorf("fill the disk of %s: set its limit for files: %w", t.name, err)
	}
	return func() error {
		select {
		case <-p.Done():
			return nil // its pid may be another's by now
		default:
		}
		err := unix.Prlimit(p.PID(), unix.RLIMIT_FSIZE, &before, nil)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("give %s its limit for files back: %w", t.name, err)
		}
		return nil
	}, nil
}
