// Package server says how a server behind a target works: as a scripted upstream, as a real ASGI server, or on a
// real JVM. Spec is its central type. It starts nothing.
package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
	"github.com/comeback-chaos/xk6-comeback/fakes/jvm"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
)

// Spec is how one works. The zero value is an upstream with an empty script.
type Spec struct {
	Upstream upstream.Script // unless it is real
	ASGI     *asgi.Server    // nil: it is none
	JVM      *jvm.Server     // likewise
	Path     string          // of a real server's health checks; empty: /healthz
}

// real is how a script writes one that is no upstream.
type real struct {
	ASGI   *asgi.Server `json:"asgi,omitempty"`
	JVM    *jvm.Server  `json:"jvm,omitempty"`
	Health string       `json:"health,omitempty"`
}

const health = "/healthz"

// Real tells whether it is no upstream, but a server that is not ours.
func (s Spec) Real() bool { return s.ASGI != nil || s.JVM != nil }

// Version is what it answers as.
func (s Spec) Version() string {
	switch {
	case s.ASGI != nil:
		return cmp.Or(s.ASGI.Version, "1")
	case s.JVM != nil:
		return cmp.Or(s.JVM.Version, "1")
	}
	return cmp.Or(s.Upstream.Version, "1")
}

// As is the same server, as this version.
func (s Spec) As(version string) Spec {
	switch {
	case s.ASGI != nil:
		other := *s.ASGI
		other.Version = version
		s.ASGI = &other
	case s.JVM != nil:
		other := *s.JVM
		other.Version = version
		s.JVM = &other
	default:
		s.Upstream.Version = version
	}
	return s
}

// Health is the path of its health checks.
func (s Spec) Health() string {
	if s.Real() {
		return cmp.Or(s.Path, health)
	}
	return cmp.Or(s.Upstream.Health, health)
}

// Check tells what is wrong with it.
func (s Spec) Check() error {
	if !s.Real() {
		return s.Upstream.Check()
	}
	if s.ASGI != nil && s.JVM != nil {
		return errors.New("asgi and jvm: a server is one of them")
	}
	if s.Path != "" && s.Path[0] != '/' {
		return fmt.Errorf("health %q is no path: it begins with /", s.Path)
	}
	if s.JVM != nil {
		return s.JVM.Check()
	}
	return s.ASGI.Check()
}

// Missing says why it cannot run on this machine, nil when it can.
func (s Spec) Missing() error {
	switch {
	case s.ASGI != nil:
		return asgi.Missing()
	case s.JVM != nil:
		return jvm.Missing()
	}
	return nil
}

// UnmarshalJSON reads an upstream's script, {asgi: {…}, health: path} or {jvm: {…}, health: path}.
func (s *Spec) UnmarshalJSON(data []byte) error {
	*s = Spec{} // an element of a list may hold a former one
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return fmt.Errorf("backend %s: %w: want an object, an upstream's script {asgi: {…}} or {jvm: {…}}", data, err)
	}
	isASGI, isJVM := keys["asgi"] != nil, keys["jvm"] != nil
	if !isASGI && !isJVM {
		return json.Unmarshal(data, &s.Upstream)
	}
	var r real
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return fmt.Errorf("backend with a real server, want {asgi: {…}, health: path} or {jvm: {…}, health: path}: %w", err)
	}
	if isASGI && r.ASGI == nil || isJVM && r.JVM == nil {
		return fmt.Errorf("backend %s: asgi, jvm: want an object, {} at least", data)
	}
	s.ASGI, s.JVM, s.Path = r.ASGI, r.JVM, r.Health
	return s.Check()
}

// MarshalJSON writes what UnmarshalJSON reads.
func (s Spec) MarshalJSON() ([]byte, error) {
	if s.Real() {
		return json.Marshal(real{ASGI: s.ASGI, JVM: s.JVM, Health: s.Path})
	}
	return json.Marshal(s.Upstream)
}
