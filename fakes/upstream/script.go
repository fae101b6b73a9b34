package upstream

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Script is how the upstream behaves. The zero value works: version 1, health at /healthz, 200 threads,
// 5 ms an answer. Of the rules that match, the first whose turn it is acts.
type Script struct {
	Version     string  `json:"version,omitempty"`     // empty: "1"
	Seed        uint64  `json:"seed,omitempty"`        // of latencies and of what calls the account service
	Latency     Latency `json:"latency,omitzero"`      // of a request that has its thread and its connection
	Threads     int     `json:"threads,omitempty"`     // requests at a time, the others wait on their connections; 0: 200
	Connections int     `json:"connections,omitempty"` // at a time; from the boot on; 0: 8192
	Backlog     int     `json:"backlog,omitempty"`     // connections beyond, which wait in the kernel; from the boot on; 0: 100
	Pool        Pool    `json:"pool,omitzero"`         // of connections to the data source
	Account     Account `json:"account,omitzero"`      // service that requests depend on
	Health      string  `json:"health,omitempty"`      // path; empty: /healthz
	Closes      bool    `json:"closes,omitempty"`      // each connection, after one answer
	HealthApart bool    `json:"healthApart,omitempty"` // health needs no thread and meets no deadlock
	Pages       []Page  `json:"pages,omitempty"`       // what is answered, the first that matches; without one, a Page of the zero value
	Rules       []Rule  `json:"rules,omitempty"`
}

// Pool is the connections to the data source. A request holds one for its latency.
type Pool struct {
	Size int             `json:"size,omitempty"` // 0: as many as threads
	Wait script.Duration `json:"wait,omitempty"` // for a connection, then 500; 0: 30 s
}

// Account is a service that requests call, or a share of them, each on its thread, and fails without (500).
type Account struct {
	URL     string          `json:"url,omitempty"`     // empty: none; a lab has one at http://account
	Path    string          `json:"path,omitempty"`    // begin of the paths that need it; empty: all
	Timeout script.Duration `json:"timeout,omitempty"` // 0: 30 s, as it is where nobody has set one
	Share   float64         `json:"share,omitempty"`   // of the requests to those paths, above 0 to 1; 0: 1
}

const (
	defaultWait   = 30 * time.Second
	maxThreads    = 100_000
	healthDefault = "/healthz"
)

// Check tells what is wrong with the script.
func (s Script) Check() error {
	for name, n := range map[string]int{"threads": s.Threads, "connections": s.Connections, "backlog": s.Backlog, "pool size": s.Pool.Size} {
		if n < 0 || n > maxThreads {
			return fmt.Errorf("%s %d is out of range: want 0 to %d", name, n, maxThreads)
		}
	}
	if s.Health != "" && !strings.HasPrefix(s.Health, "/") {
		return fmt.Errorf("health %q is no path: it begins with /", s.Health)
	}
	if err := s.Latency.check(); err != nil {
		return err
	}
	if err := script.CheckDelay("pool wait", s.Pool.Wait); err != nil {
		return err
	}
	if err := s.Account.check(); err != nil {
		return err
	}
	for i, p := range s.Pages {
		if err := p.check(); err != nil {
			return fmt.Errorf("page %d: %w", i, err)
		}
	}
	for i, r := range s.Rules {
		if err := r.Check(); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
	}
	return nil
}

func (a Account) check() error {
	if err := script.CheckDelay("account timeout", a.Timeout); err != nil {
		return err
	}
	if !(a.Share >= 0 && a.Share <= 1) {
		return fmt.Errorf("account share %g is out of range: want 0 to 1", a.Share)
	}
	if a.Path != "" && !strings.HasPrefix(a.Path, "/") {
		return fmt.Errorf("account path %q is no path: it begins with /", a.Path)
	}
	if u, err := url.Parse(a.URL); a.URL != "" && (err != nil || u.Scheme != "http" || u.Host == "") {
		return fmt.Errorf("account url %q: want http://host:port/path", a.URL)
	}
	if a.URL == "" && a != (Account{}) {
		return fmt.Errorf("account without a url")
	}
	return nil
}

// filled is the script with its defaults.
func (s Script) filled() Script {
	s.Version = cmp.Or(s.Version, "1")
	s.Health = cmp.Or(s.Health, healthDefault)
	s.Threads = cmp.Or(s.Threads, 200)
	s.Connections = cmp.Or(s.Connections, 8192)
	s.Backlog = cmp.Or(s.Backlog, 100)
	s.Pool.Size = cmp.Or(s.Pool.Size, s.Threads)
	s.Pool.Wait = cmp.Or(s.Pool.Wait, script.Duration(defaultWait))
	s.Account.Timeout = cmp.Or(s.Account.Timeout, script.Duration(defaultWait))
	s.Account.Share = cmp.Or(s.Account.Share, 1)
	s.Latency.Median = cmp.Or(s.Latency.Median, script.Duration(5*time.Millisecond))
	return s
}

// Split implements remote.Script.
func (s Script) Split() (Script, []Rule) {
	rules := s.Rules
	s.Rules = nil
	return s, rules
}

// Fake implements remote.Script.
func (Script) Fake() string { return "upstream" }

// UnmarshalJSON reads a script and checks it; an unknown field is an error.
func (s *Script) UnmarshalJSON(data []byte) error {
	type plain Script
	*s = Script{} // an element of a list may hold a former one
	return script.DecodeChecked("upstream script", data, (*plain)(s), func() error { return s.Check() })
}
