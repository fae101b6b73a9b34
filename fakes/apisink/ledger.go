package apisink

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// ledger is what was accepted, by idempotency key and by job. Most keys are the job's own name, so
// one entry serves both. It is split so that requests seldom meet at a lock.
type ledger struct {
	seed   maphash.Seed
	shards [64]shard

	requests, effects, replays, refused atomic.Int64
}

type shard struct {
	mu    sync.Mutex
	names map[string]entry
}

type entry struct {
	key     bool   // accepted as an idempotency key
	effects uint32 // of the job with this name
}

func newLedger() *ledger {
	l := &ledger{seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].names = map[string]entry{}
	}
	return l
}

// accept notes a result and tells whether its key was accepted before. Without a key each is new.
func (l *ledger) accept(job, key string) (replay bool) {
	if key == job {
		return !l.update(job, func(e *entry) bool {
			if e.key {
				return false
			}
			e.key = true
			e.effects++
			return true
		})
	}
	if key != "" && !l.update(key, func(e *entry) bool {
		if e.key {
			return false
		}
		e.key = true
		return true
	}) {
		return true
	}
	l.update(job, func(e *entry) bool { e.effects++; return true })
	return false
}

// update changes the entry of name, unless change says no.
func (l *ledger) update(name string, change func(*entry) bool) bool {
	s := l.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.names[name]
	if !change(&e) {
		return false
	}
	s.names[strings.Clone(name)] = e // the name is a part of the request's buffer
	return true
}

func (l *ledger) effectsOf(job string) int {
	s := l.shard(job)
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.names[job].effects)
}

func (l *ledger) shard(name string) *shard {
	return &l.shards[maphash.String(l.seed, name)%uint64(len(l.shards))]
}
