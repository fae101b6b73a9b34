package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// memoryPeriod is how often a process's memory is read.
const memoryPeriod = 100 * time.Millisecond

// openMemory reads how much memory the target's processes have resident, where the scenario judges that,
// until the lab is closed.
func (l *Lab) openMemory(context.Context) error {
	if l.config.Spec.Expect.Memory > 0 {
		l.lookAt(memoryPeriod, (*instance).probeMemory)
	}
	return nil
}

// probeMemory records what an instance has resident.
func (t *instance) probeMemory(p *child.Process) {
	e := history.Event{Kind: history.Probe, Who: history.MemoryProbe + t.name, Code: int32(p.PID())}
	var err error
	if e.N, err = memoryOfAll(p.PID()); err != nil {
		if ended(err) {
			return
		}
		e.Flags, e.Text = history.Failed, err.Error()
	}
	t.lab.record.Append(&e)
}

// memoryOfAll is how many bytes a process and those that it has started have resident: a server's workers are the server.
func memoryOfAll(pid int) (int64, error) {
	sum, err := memoryOf(pid)
	if err != nil {
		return 0, err
	}
	started, err := children(pid)
	if err != nil {
		return 0, err
	}
	for _, child := range started {
		n, err := memoryOfAll(child)
		if err != nil && !ended(err) {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// children are the processes that one has started, by each of its threads. One that has ended has none.
func children(pid int) (all []int, err error) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is right
	for _, path := range lists {
		text, err := os.ReadFile(path)
		if err != nil {
			if ended(err) {
				continue
			}
			return nil, fmt.Errorf("read which processes one has started: %w", err)
		}
		for field := range bytes.FieldsSeq(text) {
			child, err := strconv.Atoi(string(field))
			if err != nil {
				return nil, fmt.Errorf("read which processes one has started: %s: %w", path, err)
			}
			all = append(all, child)
		}
	}
	return all, nil
}

// memoryOf is how many bytes a process has resident.
func memoryOf(pid int) (int64, error) {
	path := fmt.Sprintf("/proc/%d/statm", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, fmt.Errorf("read the memory of a process: %s has %d fields, want 2 or more", path, len(fields))
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process: %s: resident pages: %w", path, err)
	}
	return pages * int64(os.Getpagesize()), nil
}
