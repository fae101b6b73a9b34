package target

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/template"
)

// Config is what the text of a target's config is a template over.
type Config struct {
	Listen   string // host:port for the load
	Admin    string // another host:port
	State    string // a folder of its own
	Backends []Backend
	Needs    map[string]bool // which of the target's features the scenario needs: {{if .Needs.narrow}}…{{end}}
}

// Needing gives Needs: each feature of the target, and whether it is among those.
func (t Target) Needing(features []string) map[string]bool {
	all := map[string]bool{}
	for name := range t.Features {
		all[name] = slices.Contains(features, name)
	}
	return all
}

// Backend is a server behind the target.
type Backend struct {
	Name    string // "backend-0"
	Host    string
	Port    string
	Version string
}

// Addr is host:port.
func (b Backend) Addr() string { return b.Host + ":" + b.Port }

// URL is http://host:port.
func (b Backend) URL() string { return "http://" + b.Addr() }

// Configure gives the text of the file {config}. An error has the line within that text.
func (t Target) Configure(c Config) (string, error) {
	page, err := template.New("config").Option("missingkey=error").Parse(t.Config)
	if err != nil {
		return "", fmt.Errorf("config: %w", err)
	}
	var b strings.Builder
	if err := page.Execute(&b, c); err != nil {
		return "", fmt.Errorf("config: %w", err)
	}
	return b.String(), nil
}

// MaxBackends is how many backends may stand behind a target.
const MaxBackends = 16

// checkSite wants an address that requests can be sent to, and a config that can be made.
func (t Target) checkSite() error {
	if t.HTTP == "" {
		return nil
	}
	example := Addresses{}
	for _, name := range ofRequests {
		example[name] = "127.0.0.1:1"
	}
	if u, err := url.Parse(example.expand(t.HTTP)); err != nil || u.Scheme != "http" || u.Host == "" || strings.HasSuffix(u.Path, "/") {
		return fmt.Errorf("http: %q, want an address such as \"http://{%s}\", with no / at its end", t.HTTP, Listen)
	}
	for _, m := range placeholder.FindAllStringSubmatch(t.Config, -1) {
		if slices.Contains([]string{Listen, Admin, State}, m[1]) {
			return fmt.Errorf("config: {%s} stays as it is there: it is a template, in which {{.%s%s}} stands for an address", m[1], strings.ToUpper(m[1][:1]), m[1][1:])
		}
	}
	many := Config{Listen: "127.0.0.1:1", Admin: "127.0.0.1:2", State: "/state"}
	for n := range MaxBackends {
		many.Backends = append(many.Backends, Backend{Name: fmt.Sprintf("backend-%d", n), Host: "127.0.0.1", Port: "3", Version: "1"})
	}
	for _, needs := range [][]string{nil, slices.Collect(maps.Keys(t.Features))} {
		many.Needs = t.Needing(needs)
		if _, err := t.Configure(many); err != nil {
			return err
		}
	}
	return nil
}
