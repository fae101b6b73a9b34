// Package rollout is a deployer with the rules of Amazon ECS: it brings a new version into service behind
// a load balancer, never with fewer healthy tasks than the minimum nor more running than the maximum,
// replaces tasks that fail after their grace period, and rolls back when too many do (the circuit breaker)
// or the limit has passed. Deployer is its central type. What it decides is in Rules, each a function of the
// Situation alone; ECS gives the right ones. It starts no process and knows no proxy: Instances and Balancer
// do, and Proxy is a Balancer for the admin API of targets/proxy.
package rollout

import (
	"context"
	"errors"
	"time"
)

// How a deployment ends that is not done.
var (
	ErrRolledBack    = errors.New("rolled back")     // the former version serves alone
	ErrNotRolledBack = errors.New("not rolled back") // neither version serves as it should, or only in part
)

// Instances starts what runs a version.
type Instances interface {
	// Start returns when the instance has been started; it need not serve yet.
	Start(ctx context.Context, name, version string) (Instance, error)
}

// Instance is one that was started. One that has a method Ending, too, tells how it ended by itself: "exit 3".
type Instance interface {
	URL() string
	Done() <-chan struct{} // closed when it has ended, by itself or by Stop
	Stop(ctx context.Context) error
}

// ending is what an Instance may tell besides.
type ending interface{ Ending() string }

// Balancer sends the requests to the instances that it finds healthy.
type Balancer interface {
	Register(ctx context.Context, name, url, version string) error
	// Deregister lets an instance finish what it has, for deadline at most, and then forgets it. It may
	// refuse: the last healthy one. One that is unknown is no error.
	Deregister(ctx context.Context, name string, deadline time.Duration) error
	// Backends gives those that are registered, by name, those that still finish included.
	Backends(ctx context.Context) (map[string]Backend, error)
}

// Backend is what the balancer thinks of an instance.
type Backend struct {
	State  State
	Reason string // "404, wanted 200 or 301"
}

// State of a task.
type State string

// The states.
const (
	Starting  State = "starting"  // not healthy yet
	Healthy   State = "healthy"   // in service
	Unhealthy State = "unhealthy" // out of service
	Leaving   State = "leaving"   // being drained and stopped
	Ended     State = "ended"     // its process is gone, by itself
)

// Event is one thing that the deployer did or saw.
type Event struct {
	At      time.Time
	Do      string // begin, start, healthy, unhealthy, failed, drain, stopped, rollback, done, give-up, trouble
	Task    string // empty where it concerns the whole deployment
	Version string
	Text    string // for people
}
