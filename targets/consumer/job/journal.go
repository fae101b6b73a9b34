package job

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The files of a journal: what is written to, and the one before it.
const (
	journalNow    = "finished.log"
	journalBefore = "finished.old.log"
)

// Journal keeps the ids of finished jobs in a folder, so that a process that was started again does not
// pay for a job twice. Each job waits until its line is with the operating system, one after the other, but not
// until it is on the disk; a folder that hangs holds them up, and should be a local one. What it lacks, after a
// crash of the machine or on a full disk, the idempotency key at the API server makes good. It is bounded: two files
// of Most lines. Safe for many goroutines.
type Journal struct {
	Dir   string
	Most  int           // lines of a file
	Again time.Duration // wait before a folder that failed is tried again; 0: 1 s
	// OnChange is told when writing begins to fail, and, with nil, when it works again. It must not call
	// the journal.
	OnChange func(error)

	mu     sync.Mutex
	file   *os.File
	lines  int      // in file
	missed []string // finished, and not written yet
	err    error    // of the last try, or of Load
	tried  time.Time
}

// Load reads what is there, the oldest first. A line that was not written to its end, or was damaged, is
// left out. After an error it gives what could be read all the same; OnChange is told nil when writing
// works nevertheless.
func (j *Journal) Load() ([]string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	before, errBefore := readJournal(filepath.Join(j.Dir, journalBefore))
	now, errNow := readJournal(filepath.Join(j.Dir, journalNow))
	j.lines = len(now) // and not of both: one that is damaged would soon take the place of a good one
	j.err = errors.Join(errBefore, errNow)
	return append(before, now...), j.err
}

func readJournal(path string) ([]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal of finished jobs: %w", err)
	}
	defer func() { _ = file.Close() }()
	var ids []string
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the journal of finished jobs: %w", err)
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, int(info.Size())+1) // a damaged line may be as long as the file, and good ones follow it
	for lines.Scan() {
		if id, ok := parseLine(lines.Text()); ok {
			ids = append(ids, id)
		}
	}
	if err := lines.Err(); err != nil {
		return ids, fmt.Errorf("read the journal of finished jobs %s after %d of them: %w; what follows is not known, and may be paid for again", path, len(ids), err)
	}
	return ids, nil
}

// line is an id with its checksum. It begins with the end of the line before: that one may be torn.
func line(id string) string {
	text := strconv.Quote(id)
	return fmt.Sprintf("\n%08x %s", crc32.ChecksumIEEE([]byte(text)), text)
}

func parseLine(s string) (id string, ok bool) {
	sum, text, ok := strings.Cut(s, " ")
	if !ok || sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))) {
		return "", false
	}
	id, err := strconv.Unquote(text)
	return id, err == nil
}

// Add notes a finished job. When it cannot be written, it is with one of the next.
func (j *Journal) Add(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.missed = append(j.missed, id)
	if over := len(j.missed) - max(j.Most, 1); over > 0 {
		j.missed = j.missed[over:]
	}
	if j.err != nil && time.Since(j.tried) < orSecond(j.Again) {
		return
	}
	j.try()
}

// Err is why the last job could not be written, or, before the first one, why not all could be read; nil
// when all is well.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Close writes what is missing and closes the file.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.missed) > 0 {
		j.try()
	}
	if j.file == nil {
		return j.err
	}
	err := j.file.Close()
	j.file = nil
	return errors.Join(j.err, err)
}

// try writes what is missing, and tells when that begins or ends to fail. The lock must be held.
func (j *Journal) try() {
	before := j.err
	j.tried, j.err = time.Now(), j.write()
	if j.err != nil && j.file != nil {
		_ = j.file.Close() // what was lost with it is in missed
		j.file = nil
	}
	if (before == nil) != (j.err == nil) && j.OnChange != nil {
		j.OnChange(j.err)
	}
}

func (j *Journal) write() error {
	now := filepath.Join(j.Dir, journalNow)
	if j.lines >= max(j.Most, 1) {
		if j.file != nil {
			_ = j.file.Close()
			j.file = nil
		}
		if err := os.Rename(now, filepath.Join(j.Dir, journalBefore)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("begin another journal of finished jobs in %s: %w", j.Dir, err)
		}
		j.lines = 0
	}
	if j.file == nil {
		var err error
		if j.file, err = os.OpenFile(now, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return fmt.Errorf("open the journal of finished jobs in %s: %w", j.Dir, err)
		}
	}
	var text strings.Builder
	for _, id := range j.missed {
		text.WriteString(line(id))
	}
	if _, err := j.file.WriteString(text.String()); err != nil {
		return fmt.Errorf("write the journal of finished jobs in %s: %w", j.Dir, err)
	}
	j.lines += len(j.missed)
	j.missed = j.missed[:0]
	return nil
}

func orSecond(d time.Duration) time.Duration {
	if d <= 0 {
		return time.Second
	}
	return d
}
