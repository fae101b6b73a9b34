package extension

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// config makes a lab's configuration of the spec and of what the user gave with -e (or, as
// COMEBACK_…, in the environment): DEFECT, SEED, BROKER, OUT, TARGETS, TARGET.
func (s *session) config(spec harness.Spec) (harness.Config, error) {
	seed, err := parseSeed(s.env("SEED"))
	if err != nil {
		return harness.Config{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return harness.Config{}, fmt.Errorf("find our own binary, which the fakes run: %w", err)
	}
	targets := s.env("TARGETS")
	if targets == "" {
		if targets, err = target.Find("."); err != nil {
			return harness.Config{}, err
		}
	}
	if other := s.env("TARGET"); other != "" {
		spec.Target = other
	}
	defect := s.env("DEFECT")
	out := s.env("OUT")
	if out == "" {
		name := spec.Name
		if defect != "" {
			name += "-" + defect
		}
		out = filepath.Join("reports", "out", name)
	}
	return harness.Config{
		Spec: spec, Defect: defect, Seed: seed, Broker: s.env("BROKER"), Out: out, Targets: targets,
		Self: self, Repeat: repeatCommand(os.Args, seed), Log: slog.New(logHandler{s.log}),
	}, nil
}

func parseSeed(text string) (uint64, error) {
	if text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("SEED: %q, want a whole number from 0 to 18446744073709551615", text)
		}
		return seed, nil
	}
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("choose a seed: %w", err)
	}
	// Short seeds are easier to repeat, and as good.
	return binary.LittleEndian.Uint64(b[:]) % 1_000_000, nil
}

// repeatCommand is the command line of this process with its seed fixed. A broker's URL is left out:
// it may hold a password.
func repeatCommand(args []string, seed uint64) string {
	var words []string
	for i := 0; i < len(args); i++ {
		setting, two := settingOf(args[i:])
		name, value, _ := strings.Cut(setting, "=")
		if name == "SEED" || name == "OUT" || name == "BROKER" && strings.Contains(value, "://") {
			if two {
				i++
			}
			continue
		}
		words = append(words, quote(args[i]))
	}
	at := min(2, len(words))
	words = append(words[:at:at], append([]string{"-e", "SEED=" + strconv.FormatUint(seed, 10)}, words[at:]...)...)
	return strings.Join(words, " ")
}

// said tells whether a command line sets name with -e.
func said(args []string, name string) bool {
	for i := range args {
		setting, _ := settingOf(args[i:])
		if key, _, _ := strings.Cut(setting, "="); key == name {
			return true
		}
	}
	return false
}

// settingOf gives the NAME=value of an -e at the head of args, in any of its forms, and whether it
// takes two arguments.
func settingOf(args []string) (setting string, two bool) {
	switch {
	case (args[0] == "-e" || args[0] == "--env") && len(args) > 1:
		return args[1], true
	case strings.HasPrefix(args[0], "--env="):
		return strings.TrimPrefix(args[0], "--env="), false
	case strings.HasPrefix(args[0], "-e"):
		return strings.TrimPrefix(strings.TrimPrefix(args[0], "-e"), "="), false
	}
	return "", false
}

// quote makes a word safe to be pasted into a shell.
func quote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@%+") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// logHandler passes slog's records to k6's logger: nothing else may write to k6's stderr.
type logHandler struct{ to logrus.FieldLogger }

func (h logHandler) Enabled(context.Context, slog.Level) bool { return h.to != nil }

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	to := h.to.WithField("source", "comeback")
	r.Attrs(func(a slog.Attr) bool {
		to = to.WithField(a.Key, a.Value.String())
		return true
	})
	switch {
	case r.Level >= slog.LevelError:
		to.Error(r.Message)
	case r.Level >= slog.LevelWarn:
		to.Warn(r.Message)
	case r.Level >= slog.LevelInfo:
		to.Info(r.Message)
	default:
		to.Debug(r.Message)
	}
	return nil
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	to := h.to
	for _, a := range attrs {
		to = to.WithField(a.Key, a.Value.String())
	}
	return logHandler{to}
}

func (h logHandler) WithGroup(string) slog.Handler { return h }
