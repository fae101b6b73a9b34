package child

import "runtime"

// forker starts processes from one OS thread that lives as long as the group. The kernel sends
// PDEATHSIG when the *thread* that forked ends, and the Go runtime ends idle threads as it likes.
type forker struct {
	jobs chan func()
	done chan struct{}
}

func newForker() *forker {
	f := &forker{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(f.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for job := range f.jobs {
			job()
		}
	}()
	return f
}

// do runs start on the thread and gives its error. Not after close.
func (f *forker) do(start func() error) error {
	result := make(chan error, 1)
	f.jobs <- func() { result <- start() }
	return <-result
}

// close ends the thread. Every process it forked must have ended before.
func (f *forker) close() {
	close(f.jobs)
	<-f.done
}
