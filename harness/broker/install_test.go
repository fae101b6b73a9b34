package broker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeHome lays out libraries as a distribution does.
func fakeHome(t *testing.T, version string, files ...string) string {
	t.Helper()
	parent := t.TempDir()
	for _, f := range files {
		path := filepath.Join(parent, "rabbitmq_server-"+version, "plugins", f)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	return filepath.Join(parent, "rabbitmq_server-*")
}

func TestInstallOfAnyVersion(t *testing.T) {
	t.Parallel()
	needRabbit(t) // for erl
	home := fakeHome(t, "9.9.9", "rabbit-9.9.9/ebin/rabbit.beam", "rabbit-9.9.9/ebin/rabbit.app", "ra-1.0/ebin/ra.beam",
		"rabbitmq_management-9.9.9/ebin/rabbit_mgmt.beam", "README")
	in, err := findInstall(home)
	require.NoError(t, err)
	require.Equal(t, "rabbitmq_server-9.9.9", filepath.Base(in.home))

	dir := t.TempDir()
	require.NoError(t, in.link(filepath.Join(dir, "libs"), filepath.Join(dir, "modules")))
	require.Equal(t, []string{"ra-1.0", "rabbit-9.9.9"}, names(t, filepath.Join(dir, "libs")))
	require.Equal(t, []string{"ra.beam", "rabbit.beam"}, names(t, filepath.Join(dir, "modules")))
}

func TestInstallWithoutLibraries(t *testing.T) {
	t.Parallel()
	needRabbit(t)
	in, err := findInstall(fakeHome(t, "1", "README"))
	require.NoError(t, err)
	err = in.link(filepath.Join(t.TempDir(), "libs"), filepath.Join(t.TempDir(), "modules"))
	require.ErrorIs(t, err, ErrNotInstalled)
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		_, err := os.Stat(filepath.Join(dir, e.Name()))
		require.NoError(t, err, "the link leads nowhere")
		all = append(all, e.Name())
	}
	return all
}
