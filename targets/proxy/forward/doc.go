// Package forward takes a request to a backend and its answer back: it removes what concerns one hop
// only, keeps each phase within its limit, tries another backend where that is safe and within the
// budget, passes upgrades through, and says in a few words what went wrong when there is no answer.
// Handler is its central type. Which backend is next is the pool's decision, not its own.
package forward
