package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// run is one deployment, or one rollback.
type run struct {
	*Deployer
	rules    Rules
	ctx      context.Context
	target   string
	began    time.Time
	failures int
	last     string
}

// task is an instance on its way from its start to its end.
type task struct {
	Task
	instance   Instance
	registered bool
	left       bool       // the balancer was told to let it finish
	stopping   chan error // its Stop is under way; nil: it is not
}

// look brings the tasks up to date. seen is false when the balancer does not tell.
func (r *run) look() (s Situation, seen bool) {
	backends, err := r.Balancer.Backends(r.ctx)
	if err != nil {
		r.tell("trouble", nil, r.target, "ask the balancer: "+err.Error())
	} else {
		// Those whose stop has ended go first: a stop that begins in this look is always seen to be done at
		// the next one, however fast it is.
		r.tasks = slices.DeleteFunc(r.tasks, r.cleared)
		for _, t := range r.tasks {
			r.update(t, backends)
		}
	}
	s = r.situation()
	if err != nil {
		return s, false
	}
	for _, t := range r.tasks {
		if t.Version != r.target || t.left {
			continue
		}
		if why := r.rules.Failed(s, t.Task); why != "" {
			r.fail(t, why)
		}
	}
	return r.situation(), true
}

func (r *run) situation() Situation {
	s := Situation{Settings: r.Settings, Now: time.Now(), Target: r.target, Began: r.began, Failures: r.failures, Last: r.last}
	for _, t := range r.tasks {
		s.Tasks = append(s.Tasks, t.Task)
	}
	return s
}

// update takes over what the balancer thinks, and moves a task on that leaves.
func (r *run) update(t *task, backends map[string]Backend) {
	b, known := backends[t.Name]
	ended := closed(t.instance.Done())
	switch {
	case t.left:
		t.State = Leaving
		if !known && t.stopping == nil {
			r.stop(t)
		}
		return
	case ended:
		if t.State != Ended {
			r.becomes(t, Ended, howEnded(t.instance))
		}
		return
	case !t.registered:
		r.register(t)
		return
	case !known:
		r.becomes(t, Unhealthy, "the balancer does not know it")
		return
	}
	r.becomes(t, b.State, b.Reason)
}

// becomes gives a task another state, or another reason for the one that it has.
func (r *run) becomes(t *task, s State, why string) {
	switch was := t.State; {
	case s == Healthy && was != Healthy:
		r.tell("healthy", t, "", why)
		if t.Version == r.target {
			r.failures = 0
		}
	case s != Healthy && was == Healthy:
		r.tell("unhealthy", t, "", why)
	}
	t.State, t.Reason = s, why
	t.Served = t.Served || s == Healthy
}

func howEnded(i Instance) string {
	text := "it ended by itself"
	if e, tells := i.(ending); tells {
		text += ": " + e.Ending()
	}
	return text
}

// cleared tells whether nothing is left of a task.
func (r *run) cleared(t *task) bool {
	if t.stopping == nil {
		return false
	}
	select {
	case err := <-t.stopping:
		t.stopping = nil
		if err != nil {
			r.tell("trouble", t, "", "stop it: "+err.Error())
			return false // next time again
		}
		r.tell("stopped", t, "", "")
		return true
	default:
		return false
	}
}

// fail counts a task of the target as failed, and lets it go.
func (r *run) fail(t *task, why string) {
	if r.leave(t) {
		r.failures++
		r.last = t.Name + ": " + why
		r.tell("failed", t, "", why)
	}
}

// act starts and stops what the rules say. Stops come first: they see what is healthy at this moment.
func (r *run) act(s Situation) {
	for _, t := range r.rules.Stop(s) {
		i := slices.IndexFunc(r.tasks, func(o *task) bool { return o.Name == t.Name })
		if i >= 0 {
			r.leave(r.tasks[i])
		}
	}
	for range r.rules.Start(r.situation()) {
		if !r.start() {
			return // next time again
		}
	}
}

func (r *run) start() bool {
	r.made++
	name := fmt.Sprintf("%s-%d", r.target, r.made)
	t := &task{Task: Task{Name: name, Version: r.target, Started: time.Now(), State: Starting}}
	var err error
	if t.instance, err = r.Instances.Start(r.ctx, name, r.target); err != nil {
		r.failures++
		r.last = name + ": " + err.Error()
		r.tell("failed", t, "", err.Error())
		return false
	}
	r.tasks = append(r.tasks, t)
	r.tell("start", t, "", t.instance.URL())
	r.register(t)
	return true
}

func (r *run) register(t *task) {
	if err := r.Balancer.Register(r.ctx, t.Name, t.instance.URL(), t.Version); err != nil {
		t.Reason = "not registered: " + err.Error()
		r.tell("trouble", t, "", t.Reason)
		return
	}
	t.registered = true
}

// leave lets the balancer take a task out; false when it refuses.
func (r *run) leave(t *task) bool {
	if err := r.Balancer.Deregister(r.ctx, t.Name, time.Duration(r.Settings.Drain)); err != nil {
		r.tell("trouble", t, "", "take it out: "+err.Error())
		return false
	}
	r.tell("drain", t, "", t.Reason)
	t.left, t.State = true, Leaving
	return true
}

func (r *run) stop(t *task) {
	stopping := make(chan error, 1)
	t.stopping = stopping
	r.stops.Go(func() { stopping <- t.instance.Stop(r.ctx) })
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
