package consumer

import (
	"fmt"
	"sync"
	"time"
)

// memory follows whether the host's memory can be read. A host whose memory cannot be read is not one
// without memory: the check does not take place, somebody hears of it, and jobs are done all the same.
type memory struct {
	mu    sync.Mutex
	since time.Time // of the first reading that failed in a row; zero: the last one worked
	said  bool
}

// unread notes a reading that failed, and alerts once it has failed for too long.
func (c *Consumer) unread(err error) {
	m := &c.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.since.IsZero() {
		m.since = time.Now()
		c.Log.Warn("memory check skipped: the host's memory cannot be read", "error", err)
	}
	if m.said || time.Since(m.since) < c.Settings.MemoryReadLimit {
		return
	}
	m.said = true
	c.Desk.Raise(TitleMemory, fmt.Sprintf("%v; consuming without the memory check (HOST_PROC=%s)", err, c.Settings.HostProc))
}

// read notes a reading that worked.
func (c *Consumer) read(reading string) {
	m := &c.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since, m.said = time.Time{}, false
	c.Desk.Clear(TitleMemory, "it can be read again: "+reading)
}

// blind tells whether the host's memory could not be read for so long that nothing waits for it.
func (c *Consumer) blind() bool {
	c.memory.mu.Lock()
	defer c.memory.mu.Unlock()
	return c.memory.said
}
