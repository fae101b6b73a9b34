package hostmem

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// watch tells of reads of single files through inotify.
type watch struct {
	file   *os.File
	mu     sync.Mutex
	states map[int32]*read // by watch descriptor
	done   chan struct{}
}

type read struct {
	state State
	begun bool // bytes were read since the last time it was told
}

func newWatch(onRead func(State)) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify_init: %w (see fs.inotify.max_user_instances)", err)
	}
	w := &watch{file: os.NewFile(uintptr(fd), "inotify"), states: map[int32]*read{}, done: make(chan struct{})}
	go w.run(onRead)
	return w, nil
}

func (w *watch) add(path string, s State) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	raw, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	wd := 0
	ctlErr := raw.Control(func(fd uintptr) {
		wd, err = unix.InotifyAddWatch(int(fd), path, unix.IN_ACCESS|unix.IN_CLOSE_NOWRITE)
	})
	if ctlErr != nil {
		return ctlErr
	}
	if err != nil {
		return fmt.Errorf("inotify_add_watch %s: %w (see fs.inotify.max_user_watches)", path, err)
	}
	w.states[int32(wd)] = &read{state: s}
	return nil
}

func (w *watch) close() error {
	err := w.file.Close()
	<-w.done
	return err
}

func (w *watch) run(onRead func(State)) {
	defer close(w.done)
	buf := make([]byte, 4096)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return // closed
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			wd := int32(binary.NativeEndian.Uint32(b))
			mask := binary.NativeEndian.Uint32(b[4:])
			b = b[unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:])):]
			if s, ok := w.seen(wd, mask); ok {
				onRead(s)
			}
		}
	}
}

// seen tells whether the event ends a read, and of which state. A file that was only opened and
// closed was not read.
func (w *watch) seen(wd int32, mask uint32) (State, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.states[wd]
	switch {
	case r == nil:
	case mask&unix.IN_IGNORED != 0: // replaced, and its last reader has closed it
		delete(w.states, wd)
	case mask&unix.IN_ACCESS != 0:
		r.begun = true
	case mask&unix.IN_CLOSE_NOWRITE != 0 && r.begun:
		r.begun = false
		return r.state, true
	}
	return State{}, false
}
