package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// The wait until a process that was sent SIGSTOP stands still.
const (
	pausePatience = time.Second
	pausePeriod   = 2 * time.Millisecond
)

// Pause stops the process as it is (SIGSTOP) and returns once all of its threads stand still: one that
// runs on another processor goes on for a moment.
func (p *Process) Pause() error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(pausePatience); !p.Paused(); time.Sleep(pausePeriod) {
		if time.Now().After(deadline) {
			err := fmt.Errorf("%s (pid %d) was sent SIGSTOP and does not stand still after %v", p.Name(), p.PID(), pausePatience)
			return errors.Join(err, p.Signal(syscall.SIGCONT)) // what failed leaves nothing behind
		}
	}
	return nil
}

// Paused tells whether every thread of the process stands still of a SIGSTOP.
func (p *Process) Paused() bool {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.pid))
	if err != nil || len(stats) == 0 {
		return false
	}
	for _, path := range stats {
		if stat, err := os.ReadFile(path); err != nil || stateOf(stat) != 'T' {
			return false
		}
	}
	return true
}

// stateOf finds the state in a stat of /proc: it follows the name in brackets, which may hold anything.
func stateOf(stat []byte) byte {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 || i+2 >= len(stat) {
		return 0
	}
	return stat[i+2]
}
