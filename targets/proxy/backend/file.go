package backend

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
)

// file is the form of the file of backends.
type file struct {
	Defaults entry   `yaml:"defaults"`
	Backends []entry `yaml:"backends"`
}

// Load reads a file of backends. An error names the file, the line and the field; a file with an error is
// wrong as a whole.
func Load(path string) ([]Spec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read backends: %w", err)
	}
	specs, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return specs, nil
}

// Parse reads the text of a file of backends.
func Parse(text []byte) ([]Spec, error) {
	var f file
	if err := decode(text, &f); err != nil {
		return nil, err
	}
	if d := f.Defaults; d.Name != "" || d.URL != "" || d.Version != "" {
		return nil, place(text, "$.defaults", &fieldError{"defaults", errors.New("name, url and version are each backend's own")})
	}
	base, err := f.Defaults.over(standard())
	if err != nil {
		return nil, place(text, "$.defaults", err)
	}
	if len(f.Backends) == 0 {
		return nil, errors.New("backends: want at least one")
	}
	seen := map[string]bool{}
	var specs []Spec
	for i, e := range f.Backends {
		at := fmt.Sprintf("$.backends[%d]", i)
		s, err := e.over(base)
		if err == nil {
			err = e.complete(&s)
		}
		if err == nil && seen[s.Name] {
			err = &fieldError{"name", fmt.Errorf("%q is there twice", s.Name)}
		}
		if err != nil {
			return nil, place(text, at, err)
		}
		seen[s.Name] = true
		specs = append(specs, s)
	}
	return specs, nil
}

// ParseOne reads one backend, as YAML or JSON, that is called name. What it does not say is that of now,
// or standard when now is nil.
func ParseOne(text []byte, name string, now *Spec) (Spec, error) {
	var e entry
	if err := decode(text, &e); err != nil {
		return Spec{}, err
	}
	base := standard()
	if now != nil {
		base = *now
		if e.URL == "" {
			e.URL = now.URL.String()
		}
		if e.Version == "" {
			e.Version = now.Version
		}
	}
	if e.Name != "" && e.Name != name {
		return Spec{}, fmt.Errorf("name: %q is not %q, which the path says", e.Name, name)
	}
	e.Name = name
	s, err := e.over(base)
	if err == nil {
		err = e.complete(&s)
	}
	return s, err
}

// decode reads one YAML document strictly. The parser panics at some texts: they are wrong, and no reason to end.
func decode(text []byte, into any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this is no YAML that can be read (the parser says: %v): look for a stray ! or &", r)
		}
	}()
	if err := yaml.UnmarshalWithOptions(text, into, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	return nil
}

// place puts the line of the wrong field before the error, or that of the entry when the field is not there.
func place(text []byte, entry string, err error) error {
	var wrong *fieldError
	if !errors.As(err, &wrong) {
		return err
	}
	for _, at := range []string{entry + "." + wrong.field, entry} {
		path, pathErr := yaml.PathString(at)
		if pathErr != nil {
			continue
		}
		if node, nodeErr := path.ReadNode(strings.NewReader(string(text))); nodeErr == nil {
			return fmt.Errorf("line %d: %w", node.GetToken().Position.Line, err)
		}
	}
	return err
}
