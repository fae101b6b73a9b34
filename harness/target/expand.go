package target

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Addresses is what a lab can tell a target, by placeholder name.
type Addresses map[string]string

// The placeholders that env, command and ready.http may hold.
const (
	Broker    = "broker"    // AMQP URL, through the wire
	Queue     = "queue"     // name of the queue
	Dead      = "dead"      // name of the dead-letter queue
	AI        = "ai"        // URL of the AI worker
	API       = "api"       // URL of the API server
	Alerts    = "alerts"    // URL of the alert webhook
	HostProc  = "hostproc"  // folder that stands for /proc
	Restart   = "restart"   // path of the restart executable
	Terminate = "terminate" // path of the terminate executable
	Listen    = "listen"    // host:port that the instance may listen on
	Instance  = "instance"  // its cloud instance id
	Region    = "region"    // its cloud region
	Metadata  = "metadata"  // URL of its instance metadata service
	State     = "state"     // a folder of its own for what it keeps
	Admin     = "admin"     // another host:port that it may listen on
	ConfigAt  = "config"    // path of the file that config is the text of
	Workers   = "workers"   // number of workers of one measurement of a sweep
	Defect    = "defect"    // in legacy only: the defect's name
)

// What a target of each kind is told.
var (
	ofQueue    = []string{Broker, Queue, Dead, AI, API, Alerts, HostProc, Restart, Terminate, Listen, Instance, Region, Metadata, State}
	ofRequests = []string{Listen, Admin, ConfigAt, Alerts, State, Instance, Region, Workers}
)

var placeholder = regexp.MustCompile(`\{([a-z]+)\}`)

// Start is one instance, ready to be started.
type Start struct {
	Path  string
	Args  []string
	Dir   string   // that it is started in; "": a folder of the lab's
	Env   []string // sorted NAME=value
	Ready string   // address to ask
	HTTP  string   // address where it answers requests
}

// Resolve makes an instance's command line and environment, with what the features in needs add to it;
// of two that set the same variable the later wins. A defect of "" means the target itself.
func (t Target) Resolve(a Addresses, defect string, needs []string) (Start, error) {
	if err := t.Lacks(needs); err != nil {
		return Start{}, err
	}
	command := t.Command
	if defect != "" {
		if len(t.Legacy) == 0 {
			return Start{}, fmt.Errorf("target %s has no defect %q: its entry in %s has no legacy command", t.Name, defect, FileName)
		}
		command = t.Legacy
		a = maps.Clone(a)
		a[Defect] = defect
	}
	s := Start{Dir: t.folder(), Ready: a.expand(t.Ready.HTTP), HTTP: a.expand(t.HTTP)}
	for i, word := range command {
		word = a.expand(word)
		if i == 0 {
			s.Path = word
			if strings.Contains(word, "/") && !filepath.IsAbs(word) {
				s.Path = filepath.Join(t.Dir, word)
			}
			continue
		}
		s.Args = append(s.Args, word)
	}
	env := maps.Clone(t.Env)
	if env == nil {
		env = map[string]string{}
	}
	for _, n := range needs {
		maps.Copy(env, t.Features[n])
	}
	for name, value := range env {
		s.Env = append(s.Env, name+"="+a.expand(value))
	}
	slices.Sort(s.Env)
	return s, nil
}

// folder is where the command is started, "" where the entry does not say.
func (t Target) folder() string {
	if t.Folder == "" || filepath.IsAbs(t.Folder) {
		return t.Folder
	}
	return filepath.Join(t.Dir, t.Folder)
}

// Swept tells whether it can be started with any number of workers: the entry has a place for the number.
func (t Target) Swept() bool {
	for _, texts := range t.words() {
		if strings.Contains(strings.Join(texts, " "), "{"+Workers+"}") {
			return true
		}
	}
	return false
}

func (a Addresses) expand(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(m string) string {
		if v, ok := a[m[1:len(m)-1]]; ok {
			return v
		}
		return m
	})
}

// words are the texts of the entry that may hold placeholders, by their place in it.
func (t Target) words() map[string][]string {
	all := map[string][]string{"command": t.Command, "legacy": t.Legacy, "http": {t.HTTP}, "ready.http": {t.Ready.HTTP}}
	for name, value := range t.Env {
		all["env."+name] = []string{value}
	}
	for feature, env := range t.Features {
		for name, value := range env {
			all["features."+feature+"."+name] = []string{value}
		}
	}
	return all
}

// checkPlaceholders wants placeholders that a target of this kind is told, each where it makes sense.
func (t Target) checkPlaceholders() error {
	known, kind, configured := ofQueue, "consumes a queue", false
	if t.HTTP != "" {
		known, kind = ofRequests, "answers requests"
	}
	all := t.words()
	for _, where := range slices.Sorted(maps.Keys(all)) {
		for _, m := range placeholder.FindAllStringSubmatch(strings.Join(all[where], " "), -1) {
			name := m[1]
			configured = configured || name == ConfigAt
			switch {
			case name == Broker && (where == "command" || where == "legacy"):
				return fmt.Errorf("%s: {%s} holds a password, which everybody could see in the list of processes: give it by env", where, Broker)
			case name == Defect && where == "legacy", slices.Contains(known, name):
			case slices.Contains(ofQueue, name) || slices.Contains(ofRequests, name):
				return fmt.Errorf("%s: {%s} is nothing to a target that %s; known are {%s}", where, name, kind, strings.Join(known, "} {"))
			default:
				return fmt.Errorf("%s: unknown placeholder {%s}; known are {%s}", where, name, strings.Join(known, "} {"))
			}
		}
	}
	switch {
	case configured && t.Config == "":
		return fmt.Errorf("config: missing: the text of the file {%s}, which the entry names", ConfigAt)
	case !configured && t.Config != "":
		return fmt.Errorf("config: the target is never told of it: name the file, {%s}, in command or env", ConfigAt)
	}
	return nil
}
