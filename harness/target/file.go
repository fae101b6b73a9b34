package target

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// FileName is the name of the file that describes a project's targets.
const FileName = "comeback.yaml"

// ErrNoFile says that no comeback.yaml was found.
var ErrNoFile = errors.New("no " + FileName + " found")

// File is a parsed comeback.yaml.
type File struct {
	Path    string            `yaml:"-"`
	Version int               `yaml:"version"` // of the file's format; 1
	Targets map[string]Target `yaml:"targets"`
}

// Target is one system under test.
type Target struct {
	Name string `yaml:"-"`
	Dir  string `yaml:"-"` // the file's folder, which relative commands start from

	Command   []string          `yaml:"command"`   // program and arguments; a relative program with a slash starts from the file's folder
	Legacy    []string          `yaml:"legacy"`    // the same with a defect built in: {defect} is its name
	Defects   []string          `yaml:"defects"`   // a command that prints the names of its defects, one a line
	Env       map[string]string `yaml:"env"`       // what it is told; {name} stands for an address of the lab
	Instances int               `yaml:"instances"` // how many run side by side, 1 to 16; default 1
	Queue     string            `yaml:"queue"`     // the queue that it consumes; or else
	HTTP      string            `yaml:"http"`      // the address where it answers requests, for the backends behind it
	Config    string            `yaml:"config"`    // of http: text of the file {config}, a text/template over Config
	Dead      string            `yaml:"dead"`      // its dead-letter queue, if it has one
	Ready     Ready             `yaml:"ready"`
	Stop      Stop              `yaml:"stop"`
	Release   string            `yaml:"release"` // its version, for the report
	Workers   int               `yaml:"workers"` // how many it is deployed with, where {workers} stands for their number; 0: not said
	Folder    string            `yaml:"folder"`  // that it is started in, from the file's folder; "": one of the lab's
	Features  Features          `yaml:"features"`
}

// Features are what a target can do beyond consuming a queue, and what it is told besides when a
// scenario needs it to: environment variables, which may hold {name} as Env may.
type Features map[string]map[string]string

// ErrLacks says that a target has not a feature that a scenario needs. The scenario is skipped then.
var ErrLacks = errors.New("the target lacks a feature")

// Lacks gives an ErrLacks that names each of needs that the target's entry does not list, or nil.
func (t Target) Lacks(needs []string) error {
	var missing []string
	for _, n := range needs {
		if _, ok := t.Features[n]; !ok {
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: its entry %s in %s does not list it under features", ErrLacks, strings.Join(missing, ", "), t.Name, FileName)
}

// Ready is how a target shows that it serves.
type Ready struct {
	HTTP   string        `yaml:"http"`   // address that answers 200 when it is ready
	Within string        `yaml:"within"` // limit, as "20s"; default 30s
	Limit  time.Duration `yaml:"-"`      // Within, parsed
}

// Stop is how a target is asked to end.
type Stop struct {
	Grace string        `yaml:"grace"` // from SIGTERM to SIGKILL, as "5s"; default 10s
	Limit time.Duration `yaml:"-"`     // Grace, parsed
}

// Find looks for comeback.yaml in each of dirs and in the folders above them, and gives the first
// path found. ErrNoFile when there is none.
func Find(dirs ...string) (string, error) {
	for _, dir := range dirs {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("look for %s: %w", FileName, err)
		}
		for {
			path := filepath.Join(dir, FileName)
			if _, err := os.Stat(path); err == nil {
				return path, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("look for %s: %w", FileName, err)
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", fmt.Errorf("%w in %s or above: write one that names your targets (docs/targets.md)", ErrNoFile, strings.Join(dirs, ", "))
}

// Load reads and checks a comeback.yaml. Errors name the file and, where there is one, the line.
func Load(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read targets: %w", err)
	}
	return parse(text, path)
}

// parse reads what Load has read. The YAML parser panics at some texts: they are wrong, and no reason to crash.
func parse(text []byte, path string) (f *File, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("%s: this is no YAML that can be read (the parser says: %v): look for a stray ! or &", path, r)
		}
	}()
	f = &File{Path: path}
	if err := yaml.UnmarshalWithOptions(text, f, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	if f.Version != 1 {
		return nil, fmt.Errorf("%s: version: %d is not known here, want 1", path, f.Version)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for name, t := range f.Targets {
		t.Name, t.Dir = name, dir
		if err := t.complete(); err != nil {
			return nil, fmt.Errorf("%s: targets.%s.%w", path, name, err)
		}
		f.Targets[name] = t
	}
	return f, nil
}

// One is a file of one target that was put together here; dir is what its relative paths start from.
func One(name, dir string, t Target) (*File, error) {
	t.Name, t.Dir = name, dir
	if err := t.complete(); err != nil {
		return nil, err
	}
	return &File{Version: 1, Targets: map[string]Target{name: t}}, nil
}

// Target gives the target of that name.
func (f *File) Target(name string) (Target, error) {
	t, ok := f.Targets[name]
	if !ok {
		return Target{}, fmt.Errorf("%s: no target %q; it has %s", f.Path, name, strings.Join(f.names(), ", "))
	}
	return t, nil
}

func (f *File) names() []string {
	var names []string
	for name := range f.Targets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// complete fills in defaults and checks ranges.
func (t *Target) complete() error {
	if t.Instances == 0 {
		t.Instances = 1
	}
	var err error
	if t.Ready.Limit, err = duration("ready.within", t.Ready.Within, 30*time.Second); err != nil {
		return err
	}
	if t.Stop.Limit, err = duration("stop.grace", t.Stop.Grace, 10*time.Second); err != nil {
		return err
	}
	switch {
	case len(t.Command) == 0:
		return errors.New("command: missing: the program and its arguments, as a list")
	case t.Queue == "" && t.HTTP == "":
		return errors.New("queue: missing: the queue that the target consumes; or http, the address where it answers requests")
	case t.HTTP != "" && (t.Queue != "" || t.Dead != ""):
		return errors.New("http: a target answers requests or consumes a queue, not both")
	case t.Config != "" && t.HTTP == "":
		return errors.New("config: only a target with http has one")
	case t.HTTP != "" && t.Instances != 1:
		return fmt.Errorf("instances: %d, want 1 of a target with http", t.Instances)
	case t.Ready.HTTP == "":
		return errors.New("ready.http: missing: an address that answers 200 when the target is ready")
	case t.Instances < 1 || t.Instances > 16:
		return fmt.Errorf("instances: %d, want 1 to 16", t.Instances)
	}
	if err := t.checkPlaceholders(); err != nil {
		return err
	}
	if t.Workers < 0 || t.Workers > 0 && !t.Swept() {
		return fmt.Errorf("workers: %d, want the number that it is deployed with, and {%s} where command or env give the number", t.Workers, Workers)
	}
	return t.checkSite()
}

// duration parses here rather than in the YAML decoder, whose own error would not name the place.
func duration(where, text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s: %q, want a duration above zero such as 5s", where, text)
	}
	return d, nil
}
