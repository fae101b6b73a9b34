package child_test

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

func TestExitOfRealProcesses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		script string
		want   child.Exit
		text   string
	}{
		{"exit 0", child.Exit{}, "exit 0"},
		{"exit 3", child.Exit{Code: 3}, "exit 3"},
		{"exit 137", child.Exit{Code: 137}, "exit 137"}, // by its own will, so no signal
		{"exit 255", child.Exit{Code: 255}, "exit 255"},
		{"kill -KILL $$", child.Exit{Code: 137, Signal: syscall.SIGKILL}, "killed by SIGKILL (137)"},
		{"kill -TERM $$", child.Exit{Code: 143, Signal: syscall.SIGTERM}, "killed by SIGTERM (143)"},
		{"kill -SEGV $$", child.Exit{Code: 139, Signal: syscall.SIGSEGV}, "killed by SIGSEGV (139)"},
	}
	g := newGroup(t, child.Options{})
	for _, tt := range tests {
		p := start(t, g, shell(tt.script))
		await(t, p.Done())
		require.Equal(t, tt.want, p.Exit(), tt.script)
		require.Equal(t, tt.text, p.Exit().String())
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code int
		want child.Exit
		text string
	}{
		{0, child.Exit{}, "exit 0"},
		{1, child.Exit{Code: 1}, "exit 1"},
		{128, child.Exit{Code: 128}, "exit 128"},
		{137, child.Exit{Code: 137, Signal: syscall.SIGKILL}, "killed by SIGKILL (137)"},
		{143, child.Exit{Code: 143, Signal: syscall.SIGTERM}, "killed by SIGTERM (143)"},
		{255, child.Exit{Code: 255}, "exit 255"},
		{child.Running, child.Exit{Code: child.Running}, "running"},
	}
	for _, tt := range tests {
		got := child.Decode(tt.code)
		require.Equal(t, tt.want, got)
		require.Equal(t, tt.text, got.String())
		require.Equal(t, tt.code == 0, got.OK())
	}
}

func ExampleDecode() {
	fmt.Println(child.Decode(137))
	fmt.Println(child.Decode(2))
	// Output:
	// killed by SIGKILL (137)
	// exit 2
}
