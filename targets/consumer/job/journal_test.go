package job_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

func load(t *testing.T, dir string) []string {
	t.Helper()
	ids, err := (&job.Journal{Dir: dir}).Load()
	require.NoError(t, err)
	return ids
}

func TestJournalKeepsOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.Empty(t, load(t, dir))
	odd := []string{"m1", "", "two words", "line\nbreak", "\"quoted\"", "\xff\x00", "\u2028"}
	j := &job.Journal{Dir: dir, Most: 100}
	for _, id := range odd {
		j.Add(id)
		require.Contains(t, load(t, dir), id, "at once, before it is closed")
	}
	require.NoError(t, j.Close())
	require.Equal(t, odd, load(t, dir))
}

func TestJournalSurvivesATornWrite(t *testing.T) {
	t.Parallel()
	for cut := range 12 { // bytes missing at the end
		dir := t.TempDir()
		j := &job.Journal{Dir: dir, Most: 100}
		j.Add("m1")
		j.Add("m2")
		require.NoError(t, j.Close())
		path := filepath.Join(dir, "finished.log")
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, text[:len(text)-cut], 0o600))
		want := []string{"m1"}
		if cut == 0 {
			want = append(want, "m2")
		}
		require.Equal(t, want, load(t, dir))
		j.Add("m3")
		require.NoError(t, j.Close())
		require.Equal(t, append(want, "m3"), load(t, dir), "a line after a torn one is whole")
	}
}

func TestJournalIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 3 { // of a process each
		j := &job.Journal{Dir: dir, Most: 10}
		_, err := j.Load()
		require.NoError(t, err)
		for i := range 25 {
			j.Add(fmt.Sprintf("m%d", round*25+i))
		}
		require.NoError(t, j.Close())
	}
	ids := load(t, dir)
	require.LessOrEqual(t, len(ids), 20)
	require.GreaterOrEqual(t, len(ids), 10)
	require.Equal(t, "m74", ids[len(ids)-1])
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 2)
}

// /dev/full takes no byte, as a full disk does.
func TestJournalGoesOnWithoutItsDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "finished.log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Skip("no symlinks here:", err)
	}
	var told []error
	j := &job.Journal{Dir: dir, Most: 100, Again: time.Nanosecond, OnChange: func(err error) { told = append(told, err) }}
	for i := range 10 {
		j.Add(fmt.Sprintf("m%d", i))
		require.ErrorContains(t, j.Err(), dir)
	}
	require.Len(t, told, 1, "once, and not for each job")
	require.NoError(t, os.Remove(path))
	j.Add("m10")
	require.NoError(t, j.Err())
	require.Len(t, told, 2)
	require.NoError(t, told[1])
	require.Len(t, load(t, dir), 11, "what could not be written is made good")
	require.NoError(t, j.Close())
}

// After a power loss a file may end in zeros, more of them than a line can have.
func TestJournalGoesOnBesideDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := &job.Journal{Dir: dir, Most: 3}
	for i := range 4 {
		j.Add(fmt.Sprint("m", i))
	}
	require.NoError(t, j.Close())
	old, err := os.ReadFile(filepath.Join(dir, "finished.old.log"))
	require.NoError(t, err)
	path := filepath.Join(dir, "finished.log")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(append(text, '\n'), make([]byte, 100_000)...), 0o600))

	j = &job.Journal{Dir: dir, Most: 3}
	ids, err := j.Load()
	require.NoError(t, err)
	require.Equal(t, []string{"m0", "m1", "m2", "m3"}, ids)
	j.Add("m4")
	kept, err := os.ReadFile(filepath.Join(dir, "finished.old.log"))
	require.NoError(t, err)
	require.Equal(t, old, kept, "the damaged file does not take the place of the good one")
	require.NoError(t, j.Close())
	require.Equal(t, []string{"m0", "m1", "m2", "m3", "m4"}, load(t, dir), "what comes after the damage is known")
}

func TestJournalGoesOnWithAFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := &job.Journal{Dir: dir, Most: 3}
	j.Add("m1")
	require.NoError(t, j.Close())
	path := filepath.Join(dir, "finished.old.log")
	require.NoError(t, os.Mkdir(path, 0o700))

	var told []error
	j = &job.Journal{Dir: dir, Most: 3, OnChange: func(err error) { told = append(told, err) }}
	ids, err := j.Load()
	require.ErrorContains(t, err, path)
	require.Equal(t, []string{"m1"}, ids, "the other one is read all the same")
	require.Error(t, j.Err())
	j.Add("m2")
	require.NoError(t, j.Err())
	require.Equal(t, []error{nil}, told, "it is told that writing works")
	require.NoError(t, j.Close())
}

func TestJournalWithoutItsFolder(t *testing.T) {
	t.Parallel()
	j := &job.Journal{Dir: filepath.Join(t.TempDir(), "none"), Most: 3}
	ids, err := j.Load()
	require.NoError(t, err)
	require.Empty(t, ids)
	for i := range 10 {
		j.Add(fmt.Sprint(i))
	}
	require.ErrorIs(t, j.Err(), os.ErrNotExist)
	require.Error(t, j.Close())
}

func TestLedgerKnowsWhatTheJournalHolds(t *testing.T) {
	t.Parallel()
	var kept []string
	l := job.NewLedger(2)
	l.Keep = func(id string) { kept = append(kept, id) }
	l.Know([]string{"m1", "m2", "m3"})
	for id, mine := range map[string]bool{"m1": true, "m2": false, "m3": false} {
		got, err := l.Begin(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, mine, got, id)
	}
	l.End("m1", true)
	require.Equal(t, []string{"m1"}, kept, "only what was finished here")
}
