// Package health finds out whether backends are well: Active asks them, Passive looks at how the requests
// end that they are given. Both tell the pool, which decides what follows.
package health
