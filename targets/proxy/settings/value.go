package settings

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is a flag.Value that parses into target and checks as it goes.
type value[T any] struct {
	target *T
	parse  func(string) (T, error)
	needed bool
}

func (v *value[T]) Set(text string) error {
	got, err := v.parse(text)
	if err != nil {
		return err
	}
	*v.target = got
	return nil
}

// String has a value receiver's tolerance: package flag calls it on a zero value.
func (v *value[T]) String() string {
	if v == nil || v.target == nil {
		return ""
	}
	return fmt.Sprint(*v.target)
}

func (v *value[T]) missing() bool { return v.needed && v.String() == "" }

func text(target *string, def string) *value[string] {
	*target = def
	return &value[string]{target: target, parse: func(s string) (string, error) { return s, nil }}
}

func number(target *int, def, low, high int) *value[int] {
	*target = def
	return &value[int]{target: target, parse: func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number", s)
		}
		if n < low || n > high {
			return 0, fmt.Errorf("%d is out of range: want %d to %d", n, low, high)
		}
		return n, nil
	}}
}

func percent(target *float64, def float64) *value[float64] {
	*target = def
	return &value[float64]{target: target, parse: func(s string) (float64, error) {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || !(n >= 0 && n <= 100) {
			return 0, fmt.Errorf("%q is not a percentage from 0 to 100", s)
		}
		return n, nil
	}}
}

func span(target *time.Duration, def, low, high time.Duration) *value[time.Duration] {
	*target = def
	return &value[time.Duration]{target: target, parse: func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration such as 500ms, 10s or 2m", s)
		}
		if d < low || d > high {
			return 0, fmt.Errorf("%v is out of range: want %v to %v", d, low, high)
		}
		return d, nil
	}}
}

// required makes a setting one that must be given.
func required[T any](v *value[T]) *value[T] {
	v.needed = true
	return v
}

// address takes host:port; an empty host is every one of this machine's.
func address(target *string) *value[string] {
	return &value[string]{target: target, parse: func(s string) (string, error) {
		if _, _, err := net.SplitHostPort(s); err != nil {
			return "", fmt.Errorf("%q is not host:port", s)
		}
		return s, nil
	}}
}

// loopback takes host:port where the host is this machine alone.
func loopback(target *string, def string) *value[string] {
	*target = def
	return &value[string]{target: target, parse: func(s string) (string, error) {
		host, _, err := net.SplitHostPort(s)
		if err != nil {
			return "", fmt.Errorf("%q is not host:port", s)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return "", fmt.Errorf("%q is not a loopback address such as 127.0.0.1: whoever reaches it may change the backends", host)
		}
		return s, nil
	}}
}

// choice takes one of a few words.
func choice(target *string, def string, words ...string) *value[string] {
	*target = def
	return &value[string]{target: target, parse: func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("%q is not one of %s", s, strings.Join(words, ", "))
		}
		return s, nil
	}}
}

// toggle takes true or false.
func toggle(target *bool, def bool) *value[bool] {
	*target = def
	return &value[bool]{target: target, parse: func(s string) (bool, error) {
		switch s {
		case "true", "false":
			return s == "true", nil
		}
		return false, fmt.Errorf("%q is not true or false", s)
	}}
}

func level(target *slog.Level) *value[slog.Level] {
	return &value[slog.Level]{target: target, parse: func(s string) (slog.Level, error) {
		var l slog.Level
		if err := l.UnmarshalText([]byte(s)); err != nil {
			return 0, fmt.Errorf("%q is not debug, info, warn or error", s)
		}
		return l, nil
	}}
}
