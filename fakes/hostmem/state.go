package hostmem

import (
	"fmt"
	"strings"
)

// State is what the fixture says about memory; sizes in bytes, rounded down to KiB.
type State struct {
	Name      string // "unset", "ok", "low" or your own
	Total     uint64
	Available uint64
	SwapTotal uint64
	SwapFree  uint64
}

const gib = 1 << 30

// Unset is a host that has not set up its swap yet: total 0, free 0.
func Unset() State { return State{Name: "unset", Total: 16 * gib, Available: 10 * gib} }

// OK is a host with enough of everything.
func OK() State {
	return State{Name: "ok", Total: 16 * gib, Available: 10 * gib, SwapTotal: 8 * gib, SwapFree: 7 * gib}
}

// Low is a host whose swap is used up: 1 % of it is free.
func Low() State {
	return State{Name: "low", Total: 16 * gib, Available: gib / 4, SwapTotal: 8 * gib, SwapFree: 8 * gib / 100}
}

// Named gives Unset, OK or Low by its name.
func Named(name string) (State, error) {
	for _, s := range []State{Unset(), OK(), Low()} {
		if s.Name == name {
			return s, nil
		}
	}
	return State{}, fmt.Errorf("no memory state is called %q: want unset, ok or low", name)
}

// Check refuses more free than there is, and a total of 0.
func (s State) Check() error {
	if s.Total == 0 {
		return fmt.Errorf("memory state %q: total is 0: no host has no memory", s.Name)
	}
	if s.Available > s.Total || s.SwapFree > s.SwapTotal {
		return fmt.Errorf("memory state %q: more is free than there is (memory %d of %d, swap %d of %d)", s.Name, s.Available, s.Total, s.SwapFree, s.SwapTotal)
	}
	return nil
}

// meminfo writes the state the way a Linux 6 kernel does.
func (s State) meminfo() string {
	total, avail := s.Total>>10, s.Available>>10
	used, cached := total-avail, avail/2
	free := avail - cached
	var b strings.Builder
	row := func(name string, kib uint64) { fmt.Fprintf(&b, "%-15s %8d kB\n", name+":", kib) }
	row("MemTotal", total)
	row("MemFree", free)
	row("MemAvailable", avail)
	row("Buffers", cached/16)
	row("Cached", cached-cached/16)
	row("SwapCached", 0)
	row("Active", used*3/4)
	row("Inactive", cached)
	row("Active(anon)", used/2)
	row("Inactive(anon)", 0)
	row("Active(file)", used/4)
	row("Inactive(file)", cached)
	row("Unevictable", 0)
	row("Mlocked", 0)
	row("SwapTotal", s.SwapTotal>>10)
	row("SwapFree", s.SwapFree>>10)
	row("Zswap", 0)
	row("Zswapped", 0)
	row("Dirty", 128)
	row("Writeback", 0)
	row("AnonPages", used/2)
	row("Mapped", used/8)
	row("Shmem", 1024)
	row("KReclaimable", cached/32)
	row("Slab", cached/16)
	row("SReclaimable", cached/32)
	row("SUnreclaim", cached/32)
	row("KernelStack", 8192)
	row("PageTables", 16384)
	row("SecPageTables", 0)
	row("NFS_Unstable", 0)
	row("Bounce", 0)
	row("WritebackTmp", 0)
	row("CommitLimit", total/2+s.SwapTotal>>10)
	row("Committed_AS", used)
	row("VmallocTotal", 34359738367)
	row("VmallocUsed", 32768)
	row("VmallocChunk", 0)
	row("Percpu", 4096)
	row("HardwareCorrupted", 0)
	row("AnonHugePages", 0)
	row("ShmemHugePages", 0)
	row("ShmemPmdMapped", 0)
	row("FileHugePages", 0)
	row("FilePmdMapped", 0)
	b.WriteString("HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n")
	row("Hugepagesize", 2048)
	row("Hugetlb", 0)
	row("DirectMap4k", total/4)
	row("DirectMap2M", total-total/4)
	return b.String()
}
