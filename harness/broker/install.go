package broker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// homes is where distributions put RabbitMQ.
const homes = "/usr/lib/rabbitmq/lib/rabbitmq_server-*"

// libraries are the applications that a node without plugins needs. Linking only these instead of
// the 70 that are installed saves a third of the start.
var libraries = []string{
	"rabbit", "rabbit_common", "rabbitmq_prelaunch", "amqp10_common", "osiris", "observer_cli",
	"stdout_formatter", "sysmon_handler", "ra", "seshat", "gen_batch_server", "aten", "ranch", "systemd",
	"enough", "cuttlefish", "credentials_obfuscation", "recon", "jsx", "syslog", "getopt",
}

// install is a RabbitMQ on this machine.
type install struct {
	home string // rabbitmq_server-<version>
	erl  string // the Erlang emulator's start program
}

// findInstall looks in home, or where distributions put it when home is "".
func findInstall(home string) (install, error) {
	pattern := home
	if pattern == "" {
		pattern = homes
	}
	found, err := filepath.Glob(filepath.Join(pattern, "plugins"))
	if err != nil {
		return install{}, fmt.Errorf("broker: look for RabbitMQ in %s: %w", pattern, err)
	}
	if len(found) == 0 {
		return install{}, fmt.Errorf("broker: nothing in %s: %w", pattern, ErrNotInstalled)
	}
	erl, err := exec.LookPath("erl")
	if err != nil {
		return install{}, fmt.Errorf("broker: no erl in PATH: %w", ErrNotInstalled)
	}
	slices.Sort(found) // more than one only in the middle of an upgrade: the last will do
	return install{home: filepath.Dir(found[len(found)-1]), erl: erl}, nil
}

// LocalInstalled tells why "local" cannot work on this machine: ErrNotInstalled, or nil when it can.
func LocalInstalled() error {
	_, err := findInstall(os.Getenv(EnvHome))
	return err
}

// link fills libs with links to the needed libraries, and modules with links to all their modules: a
// module is then found in the first place that Erlang looks in, not in the twentieth, which saves a
// tenth of the start's work.
func (in install) link(libs, modules string) error {
	for _, dir := range []string{libs, modules} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("broker: make the library directory: %w", err)
		}
	}
	plugins := filepath.Join(in.home, "plugins")
	installed, err := os.ReadDir(plugins)
	if err != nil {
		return fmt.Errorf("broker: read RabbitMQ's libraries: %w", err)
	}
	linked := 0
	for _, e := range installed {
		name, _, _ := strings.Cut(e.Name(), "-")
		if !slices.Contains(libraries, name) {
			continue
		}
		beams, err := filepath.Glob(filepath.Join(plugins, e.Name(), "ebin", "*.beam"))
		if err != nil {
			return fmt.Errorf("broker: read RabbitMQ's library %s: %w", name, err)
		}
		if err := errors.Join(symlink(libs, filepath.Join(plugins, e.Name())), symlink(modules, beams...)); err != nil {
			return fmt.Errorf("broker: link RabbitMQ's libraries: %w", err)
		}
		linked++
	}
	if linked == 0 {
		return fmt.Errorf("broker: no libraries in %s: %w", plugins, ErrNotInstalled)
	}
	return nil
}

func symlink(dir string, targets ...string) error {
	for _, target := range targets {
		if err := os.Symlink(target, filepath.Join(dir, filepath.Base(target))); err != nil {
			return err
		}
	}
	return nil
}
