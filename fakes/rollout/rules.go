package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Situation is what the deployer knows at one moment. The decisions depend on nothing else.
type Situation struct {
	Settings
	Now      time.Time
	Target   string    // version that is to serve
	Began    time.Time // of the deployment, or of its rollback
	Failures int       // tasks of the target in a row
	Last     string    // why the last of them failed
	Tasks    []Task    // all that run or have not been cleared away, the oldest first
}

// Task is an instance with what the balancer thinks of it.
type Task struct {
	Name    string
	Version string
	Started time.Time
	Served  bool // it was healthy once
	State   State
	Reason  string
}

// Rules are the deployer's decisions; nil ones are ECS's.
type Rules struct {
	Failed func(Situation, Task) string // why a task of the target has failed and is to be replaced; empty: it has not
	Start  func(Situation) int          // how many tasks of the target to start now
	Stop   func(Situation) []Task       // which tasks of other versions to stop now
	Done   func(Situation) bool         // the deployment is complete
	GiveUp func(Situation) string       // why the deployment has failed; empty: it has not
}

// ECS are the rules of Amazon ECS.
func ECS() Rules {
	return Rules{Failed: Failed, Start: Start, Stop: Stop, Done: Done, GiveUp: GiveUp}
}

// Failed: a task that ends has failed; one that is not healthy has, after its grace period.
func Failed(s Situation, t Task) string {
	grace := time.Duration(s.Grace)
	old := s.Now.Sub(t.Started) >= grace
	switch {
	case t.State == Ended:
		return t.Reason
	case t.State == Unhealthy && old && (t.Served || grace == 0):
		return t.Reason
	case (t.State == Unhealthy || t.State == Starting) && old && grace > 0:
		return strings.TrimSuffix(fmt.Sprintf("not healthy within %v: %s", grace, t.Reason), ": ")
	}
	return ""
}

// Start: as many as are missing, as far as there is room below the maximum.
func Start(s Situation) int {
	return max(0, min(s.Desired-s.count(s.ours), s.Ceiling()-s.count(runs)))
}

// Stop: those that are replaced, and where there is no room to start, others down to the minimum of
// healthy ones. Tasks that are not healthy go first.
func Stop(s Situation) []Task {
	var stop []Task
	healthy := s.count(isHealthy)
	room := s.Desired - s.count(s.ours) - (s.Ceiling() - s.count(runs)) // to make; below 1 there is enough
	for _, t := range s.others() {
		left := healthy
		if t.State == Healthy {
			left--
		}
		replaced := left >= s.Desired
		inTheWay := room > 0 && (left == healthy || left >= s.Floor())
		if !replaced && !inTheWay {
			continue
		}
		stop = append(stop, t)
		healthy = left
		room--
	}
	return stop
}

// Done: the target serves, with all its tasks, and nothing else is left.
func Done(s Situation) bool {
	return len(s.Tasks) == s.Desired && s.count(func(t Task) bool { return s.ours(t) && isHealthy(t) }) == s.Desired
}

// GiveUp: the circuit breaker, and the wait for stability.
func GiveUp(s Situation) string {
	if s.Breaker && s.Failures >= s.Threshold() {
		return fmt.Sprintf("circuit breaker: %d tasks in a row failed, the last: %s", s.Failures, s.Last)
	}
	if limit := time.Duration(s.Limit); s.Now.Sub(s.Began) >= limit {
		return fmt.Sprintf("not stable within %v: %s", limit, s)
	}
	return ""
}

// String tells of each task: "v2-1 unhealthy (404, wanted 200), v1-1 healthy".
func (s Situation) String() string {
	var tasks []string
	for _, t := range s.Tasks {
		text := t.Name + " " + string(t.State)
		if t.Reason != "" && t.State != Healthy {
			text += " (" + t.Reason + ")"
		}
		tasks = append(tasks, text)
	}
	if len(tasks) == 0 {
		return strings.TrimSuffix("nothing runs; "+s.Last, "; ")
	}
	return strings.Join(tasks, ", ")
}

func (s Situation) count(which func(Task) bool) int {
	n := 0
	for _, t := range s.Tasks {
		if which(t) {
			n++
		}
	}
	return n
}

// ours are the target's that are there to stay.
func (s Situation) ours(t Task) bool {
	return t.Version == s.Target && t.State != Leaving && t.State != Ended
}

// others are the tasks of other versions that could be stopped, those that are not healthy first.
func (s Situation) others() []Task {
	var list []Task
	for _, t := range s.Tasks {
		if t.Version != s.Target && t.State != Leaving {
			list = append(list, t)
		}
	}
	slices.SortStableFunc(list, func(a, b Task) int { return rank(a) - rank(b) })
	return list
}

func rank(t Task) int {
	if isHealthy(t) {
		return 1
	}
	return 0
}

func isHealthy(t Task) bool { return t.State == Healthy }
func runs(t Task) bool      { return t.State != Ended }

// orECS fills in what is nil.
func (r Rules) orECS() Rules {
	ecs := ECS()
	if r.Failed == nil {
		r.Failed = ecs.Failed
	}
	if r.Start == nil {
		r.Start = ecs.Start
	}
	if r.Stop == nil {
		r.Stop = ecs.Stop
	}
	if r.Done == nil {
		r.Done = ecs.Done
	}
	if r.GiveUp == nil {
		r.GiveUp = ecs.GiveUp
	}
	return r
}
