package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/shirou/gopsutil/v4/common"
	"github.com/shirou/gopsutil/v4/mem"
)

// Swap is one reading of the host's swap, in bytes.
type Swap struct {
	Total, Free uint64
}

func (s Swap) String() string {
	const mb = 1 << 20
	return fmt.Sprintf("%d MB of %d MB swap free", s.Free/mb, s.Total/mb)
}

// Level is what a reading means.
type Level int

// The levels. Unset is the zero value: nothing is known.
const (
	Unset  Level = iota // swap is not set up (yet): the check did not take place
	Enough              // go on
	Low                 // the AI process must be restarted
)

func (l Level) String() string { return [...]string{"unset", "enough", "low"}[l] }

// ErrNoFigures means that what was read is no account of a host's memory: no host has none.
var ErrNoFigures = errors.New("it does not say how much memory there is")

// ReadSwap reads the swap from a proc file system ("/proc", or wherever the host's is mounted).
func ReadSwap(ctx context.Context, proc string) (Swap, error) {
	ctx = context.WithValue(ctx, common.EnvKey, common.EnvMap{common.HostProcEnvKey: proc})
	vm, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return Swap{}, fmt.Errorf("read the host's memory from %s: %w", proc, err)
	}
	if vm.Total == 0 {
		return Swap{}, fmt.Errorf("read the host's memory: %s: %w", filepath.Join(proc, "meminfo"), ErrNoFigures)
	}
	return Swap{Total: vm.SwapTotal, Free: vm.SwapFree}, nil
}

// JudgeSwap makes the usual judge: free swap under that share of the total is low. Total and free both
// 0 is what a host shows before its swap is set up, and not that it is used up.
func JudgeSwap(lowPercent float64) func(Swap) Level {
	return func(s Swap) Level {
		switch {
		case s.Total == 0 && s.Free == 0:
			return Unset
		case float64(s.Free) < float64(s.Total)*lowPercent/100:
			return Low
		default:
			return Enough
		}
	}
}
