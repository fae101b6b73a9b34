package cache

import "sync"

const variants = 16 // of one resource at most

// store keeps entries, the latest used of them, up to a number of bytes.
type store struct {
	mu        sync.Mutex
	resources map[string][]*entry // newest first; a slice is never changed
	newest    *entry              // by use
	oldest    *entry
	used      int64
}

// all gives the variants of a resource.
func (s *store) all(resource []byte) []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resources[string(resource)]
}

// touch marks an entry as just used.
func (s *store) touch(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !e.gone && e != s.newest {
		s.unlink(e)
		s.link(e)
	}
}

// put stores an entry, if it still may be, instead of the one with its key, and drops what there is no more room for. It
// gives how many.
func (s *store) put(e *entry, limit int64, may func() bool) (dropped int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !may() {
		return 0, false
	}
	if s.resources == nil {
		s.resources = make(map[string][]*entry)
	}
	for _, old := range s.resources[e.resource] {
		if old.key == e.key {
			s.remove(old)
		}
	}
	if all := s.resources[e.resource]; len(all) == variants {
		s.remove(all[variants-1])
		dropped++
	}
	s.resources[e.resource] = append([]*entry{e}, s.resources[e.resource]...)
	s.link(e)
	s.used += e.size
	for s.used > limit && s.oldest != nil {
		s.remove(s.oldest)
		dropped++
	}
	return dropped, true
}

// drop removes one entry.
func (s *store) drop(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(e)
}

// forget removes a resource.
func (s *store) forget(resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.resources[resource] {
		s.remove(e)
	}
}

// remove takes an entry out of everything. The caller holds mu.
func (s *store) remove(e *entry) {
	if e.gone {
		return
	}
	e.gone = true
	s.unlink(e)
	s.used -= e.size
	var rest []*entry
	for _, other := range s.resources[e.resource] {
		if other != e {
			rest = append(rest, other)
		}
	}
	if rest == nil {
		delete(s.resources, e.resource)
		return
	}
	s.resources[e.resource] = rest
}

func (s *store) link(e *entry) {
	e.older, e.newer = s.newest, nil
	if s.newest != nil {
		s.newest.newer = e
	}
	s.newest = e
	if s.oldest == nil {
		s.oldest = e
	}
}

func (s *store) unlink(e *entry) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		s.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		s.oldest = e.newer
	}
}
