// Package script holds what every fake's script is made of: durations that read as "1.5s", a strict
// JSON decoder, the turn of a rule (from the n-th match on, so many times), and List, the rules that
// are armed in a fake right now. It knows nothing of any protocol and decides nothing by itself.
package script

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxDelay is the longest delay a script may ask for.
const MaxDelay = 10 * time.Minute

// Duration is a time.Duration that is written as text ("1.5s") in JSON.
type Duration time.Duration

// MarshalText writes the duration as "1.5s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no duration: write it as \"1.5s\" or \"200ms\"", text)
	}
	*d = Duration(v)
	return nil
}

func (d Duration) String() string { return time.Duration(d).String() }

// CheckDelay refuses a delay below 0 or above MaxDelay; name says which setting is wrong.
func CheckDelay(name string, d Duration) error {
	if d < 0 || time.Duration(d) > MaxDelay {
		return fmt.Errorf("%s %v is out of range: want 0 to %v", name, d, MaxDelay)
	}
	return nil
}

// Decode reads one JSON value into v. An unknown field and anything behind the value are errors.
func Decode(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the JSON value")
	}
	return nil
}

// DecodeChecked reads one JSON value strictly into plain, which must not have an UnmarshalJSON of its own,
// and lets check judge it; what says in errors what it was to be.
func DecodeChecked(what string, data []byte, plain any, check func() error) error {
	err := Decode(data, plain)
	if err == nil {
		err = check()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Wait returns nil after d, or the context's cause as soon as it is done.
func Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
