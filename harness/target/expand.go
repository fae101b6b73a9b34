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
	Defect    = "defect"    // in legacy only: the defect's name
)

var known = []string{Broker, Queue, Dead, AI, API, Alerts, HostProc, Restart, Terminate, Listen, Instance, Region, Metadata, State}

var placeholder = regexp.MustCompile(`\{([a-z]+)\}`)

// Start is one instance, ready to be started.
type Start struct {
	Path  string
	Args  []string
	Env   []string // sorted NAME=value
	Ready string   // address to ask
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
	s := Start{Ready: a.expand(t.Ready.HTTP)}
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

func (a Addresses) expand(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(m string) string {
		if v, ok := a[m[1:len(m)-1]]; ok {
			return v
		}
		return m
	})
}

func (t Target) checkPlaceholders() error {
	check := func(where, s string, also ...string) error {
		for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
			if !slices.Contains(known, m[1]) && !slices.Contains(also, m[1]) {
				return fmt.Errorf("%s: unknown placeholder %s; known are {%s}", where, m[0], strings.Join(known, "} {"))
			}
		}
		return nil
	}
	for _, word := range slices.Concat(t.Command, t.Legacy) {
		if strings.Contains(word, "{"+Broker+"}") {
			return fmt.Errorf("command: {%s} holds a password, which everybody could see in the list of processes: give it by env", Broker)
		}
	}
	for _, word := range t.Command {
		if err := check("command", word); err != nil {
			return err
		}
	}
	for _, word := range t.Legacy {
		if err := check("legacy", word, Defect); err != nil {
			return err
		}
	}
	for name, value := range t.Env {
		if err := check("env."+name, value); err != nil {
			return err
		}
	}
	for feature, env := range t.Features {
		for name, value := range env {
			if err := check("features."+feature+"."+name, value); err != nil {
				return err
			}
		}
	}
	return check("ready.http", t.Ready.HTTP)
}
