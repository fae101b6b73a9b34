package child

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// markName is the environment variable that every process of a group carries, with the group's
// directory as its value.
const markName = "COMEBACK_LAB"

const (
	sweepLooks = 200
	sweepPause = 10 * time.Millisecond
)

// sweep kills every process that carries mark until two looks in a row find none. It gives what was
// still there at the end of its patience, about 2 s.
func sweep(mark string) []int {
	quiet := 0
	var left []int
	for range sweepLooks {
		left = killMarked(mark)
		if len(left) > 0 {
			quiet = 0
		} else if quiet++; quiet > 1 {
			return nil
		}
		time.Sleep(sweepPause)
	}
	return left
}

// killMarked sends SIGKILL to each process that carries mark and gives their pids.
func killMarked(mark string) []int {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	var found []int
	for _, path := range environs {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		if killIfMarked(pid, path, mark) {
			found = append(found, pid)
		}
	}
	return found
}

// killIfMarked holds a pidfd while it looks, so that the process killed is the one looked at.
func killIfMarked(pid int, environ, mark string) bool {
	if !carries(environ, mark) {
		return false
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return false
	}
	if err != nil { // a kernel before 5.3, or a sandbox without pidfd
		return unix.Kill(pid, unix.SIGKILL) == nil
	}
	defer unix.Close(fd)
	return carries(environ, mark) && unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
}

// carries tells whether the environment in file has mark as one of its entries. A zombie's is empty.
func carries(file, mark string) bool {
	b, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		if string(entry) == mark {
			return true
		}
	}
	return false
}
