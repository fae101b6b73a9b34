package fault

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/hostmem"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

func TestMeminfoIsTakenAndGivenBack(t *testing.T) {
	t.Parallel()
	for how, look := range map[string]func(t *testing.T, path string){
		"missing":    func(t *testing.T, path string) { require.NoFileExists(t, path) },
		"unreadable": func(t *testing.T, path string) { require.DirExists(t, path) },
		"garbled": func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NotContains(t, string(text), "MemTotal")
		},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			require.NoError(t, b.host.Set(hostmem.Low()))
			path := filepath.Join(b.host.Dir, "meminfo")
			in := inject(t, b, &Meminfo{How: how})
			look(t, path)
			_, err := (&Swap{State: "ok"}).Inject(t.Context(), b)
			require.ErrorContains(t, err, "claimed")

			b.Record(&history.Event{Kind: history.Log, Who: "consumer/0", Text: "open " + path + "s: no such file"})
			_, err = in.InEffect(brief(t))
			require.ErrorContains(t, err, "waiting until the target names "+path)
			in = again(t, b, in, &Meminfo{How: how})
			b.Record(&history.Event{Kind: history.Log, Who: "consumer/0", Text: "open " + path + ": no such file"})
			evidence, err := in.InEffect(t.Context())
			require.NoError(t, err)
			require.Contains(t, evidence, path)

			require.NoError(t, in.Heal(brief(t)))
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Contains(t, string(text), "MemTotal")
			require.Equal(t, "low", b.host.State().Name)
			_, err = in.Gone(brief(t))
			require.ErrorContains(t, err, "the target read its host's memory")
		})
	}
	_, err := (&Meminfo{How: "lost"}).Inject(t.Context(), newBench(t))
	require.ErrorContains(t, err, `how: "lost", want "missing"`)
}

// again heals a fault and puts another in its place.
func again(t *testing.T, b *bench, in Injected, f Fault) Injected {
	t.Helper()
	require.NoError(t, in.Heal(t.Context()))
	return inject(t, b, f)
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	target := b.targets[0]
	require.NoError(t, os.Mkdir(target.State(), 0o700))
	file := filepath.Join(target.State(), "kept")
	require.NoError(t, os.WriteFile(file, []byte("a"), 0o600))
	in := inject(t, b, &DiskFull{})
	require.True(t, target.full)
	_, err := (&DiskFull{}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "claimed")

	b.Record(&history.Event{Kind: history.Log, Who: "consumer/1", Text: target.State()})
	_, err = in.InEffect(brief(t))
	require.Error(t, err, "that is another instance")
	in = again(t, b, in, &DiskFull{})
	b.Record(&history.Event{Kind: history.Alert, Who: "State", Text: "write " + file + ": file too large"})
	_, err = in.InEffect(t.Context())
	require.NoError(t, err)

	require.NoError(t, in.Heal(brief(t)))
	require.False(t, target.full)
	_, err = in.Gone(brief(t))
	require.ErrorContains(t, err, "no file in "+target.State()+" has grown")
	require.NoError(t, os.WriteFile(file, []byte("ab"), 0o600))
	_, err = in.Gone(t.Context())
	require.NoError(t, err)

	target.deaf = true
	_, err = (&DiskFull{}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "it does not run")
	_, err = (&DiskFull{Instance: 7}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "instance: 7")
}
