package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

const (
	cpuPeriod = 250 * time.Millisecond // how often a process's CPU time is read
	cpuTick   = 10                     // ms: the unit of /proc/<pid>/stat, on every Linux
)

// openCPU reads how much CPU time the target's processes have used, where the scenario judges that,
// until the lab is closed.
func (l *Lab) openCPU(context.Context) error {
	if l.config.Spec.Expect.CPU == 0 {
		return nil
	}
	l.lookAt(cpuPeriod, (*instance).probeCPU)
	return nil
}

// lookAt looks at every instance that runs each time that period has passed, until the lab is closed.
func (l *Lab) lookAt(period time.Duration, look func(*instance, *child.Process)) {
	l.wg.Go(func() {
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-l.ctx.Done():
				return
			case <-tick.C:
			}
			for _, t := range l.targets {
				if p, _ := t.current(); p != nil && t.Running() {
					look(t, p)
				}
			}
		}
	})
}

// probeCPU records the CPU time of an instance.
func (t *instance) probeCPU(p *child.Process) {
	e := history.Event{Kind: history.Probe, Who: history.CPUProbe + t.name, Code: int32(p.PID())}
	used, err := cpuTime(p.PID())
	if err != nil {
		if ended(err) {
			return
		}
		e.Flags, e.Text = history.Failed, err.Error()
	}
	e.N = used.Milliseconds()
	t.lab.record.Append(&e)
}

// ended tells whether a process could not be read because it has just ended.
func ended(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) }

// cpuTime is what a process has used since its start, all of its threads together.
func cpuTime(pid int) (time.Duration, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of a process: %w", err)
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // its name, in brackets, may hold anything
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the CPU time of a process: %s has %d fields behind the name, want 13 or more", path, len(fields))
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of a process: %s: user time: %w", path, err)
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of a process: %s: system time: %w", path, err)
	}
	return time.Duration(user+system) * cpuTick * time.Millisecond, nil
}
