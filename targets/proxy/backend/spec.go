package backend

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Spec is what one backend is, complete and checked. It is not changed once made.
type Spec struct {
	Name      string
	URL       *url.URL // scheme, host and perhaps a path that goes before that of each request
	Version   string   // what runs there, for answers and logs
	Weight    int      // share of the requests, relative to the others'
	MaxActive int      // requests at the same time
	H2C       bool     // speaks HTTP/2 without TLS
	Health    Health
}

// Health is how a backend is checked, and what takes it out of service and back. Out of service within
// Unhealthy × Interval + Timeout of the first wrong answer, back within Healthy × Interval of the first
// right one.
type Health struct {
	Path      string
	Host      string // header of the checks; empty: that of the URL
	Codes     Codes
	Interval  time.Duration // from the start of one check to that of the next
	Timeout   time.Duration
	Healthy   int           // right answers in a row that it takes
	Unhealthy int           // wrong ones
	Grace     time.Duration // how long a new one may answer wrongly before that counts
}

// entry is a backend as it is written down; what is not given is that of the defaults.
type entry struct {
	Name      string   `yaml:"name"`
	URL       string   `yaml:"url"`
	Version   string   `yaml:"version"`
	Weight    *int     `yaml:"weight"`
	MaxActive *int     `yaml:"max_active"`
	H2C       *bool    `yaml:"h2c"`
	Health    *checked `yaml:"health"`
}

type checked struct {
	Path      *string `yaml:"path"`
	Host      *string `yaml:"host"`
	Codes     *string `yaml:"codes"`
	Interval  *string `yaml:"interval"`
	Timeout   *string `yaml:"timeout"`
	Healthy   *int    `yaml:"healthy"`
	Unhealthy *int    `yaml:"unhealthy"`
	Grace     *string `yaml:"grace"`
}

// standard is what holds where neither the backend nor the file's defaults say anything.
func standard() Spec {
	codes, _ := ParseCodes("200")
	return Spec{Weight: 1, MaxActive: 100, Health: Health{
		Path: "/healthz", Codes: codes, Interval: 5 * time.Second, Timeout: 2 * time.Second, Healthy: 2, Unhealthy: 3,
	}}
}

// fieldError names the field that is wrong, as a path below the entry.
type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// over gives base with what the entry says put over it.
func (e entry) over(base Spec) (Spec, error) {
	s := base
	s.Name, s.Version = e.Name, e.Version
	for _, n := range []struct {
		field  string
		from   *int
		to     *int
		lo, hi int
	}{
		{"weight", e.Weight, &s.Weight, 1, 1000},
		{"max_active", e.MaxActive, &s.MaxActive, 1, 1 << 20},
	} {
		if err := whole(n.field, n.from, n.to, n.lo, n.hi); err != nil {
			return s, err
		}
	}
	if e.H2C != nil {
		s.H2C = *e.H2C
	}
	if e.Health == nil {
		return s, nil
	}
	return s, e.Health.over(&s.Health)
}

func (c checked) over(h *Health) error {
	if c.Path != nil {
		if u, err := url.ParseRequestURI(*c.Path); err != nil || !strings.HasPrefix(*c.Path, "/") || u.Host != "" {
			return &fieldError{"health.path", fmt.Errorf("%q is not a path that starts with /", *c.Path)}
		}
		h.Path = *c.Path
	}
	if c.Host != nil {
		if u, err := url.Parse("http://" + *c.Host); *c.Host != "" && (err != nil || u.Host != *c.Host || u.Hostname() == "") {
			return &fieldError{"health.host", fmt.Errorf("%q is not a host, perhaps with a port", *c.Host)}
		}
		h.Host = *c.Host
	}
	if c.Codes != nil {
		codes, err := ParseCodes(*c.Codes)
		if err != nil {
			return &fieldError{"health.codes", err}
		}
		h.Codes = codes
	}
	for _, d := range []struct {
		field string
		from  *string
		to    *time.Duration
		least time.Duration
	}{
		{"health.interval", c.Interval, &h.Interval, time.Millisecond},
		{"health.timeout", c.Timeout, &h.Timeout, time.Millisecond},
		{"health.grace", c.Grace, &h.Grace, 0},
	} {
		if err := span(d.field, d.from, d.to, d.least); err != nil {
			return err
		}
	}
	if err := whole("health.healthy", c.Healthy, &h.Healthy, 1, 1000); err != nil {
		return err
	}
	return whole("health.unhealthy", c.Unhealthy, &h.Unhealthy, 1, 1000)
}

// complete checks what only a whole backend can be checked for.
func (e entry) complete(s *Spec) error {
	if e.Name == "" {
		return &fieldError{"name", errors.New("is needed")}
	}
	if strings.ContainsFunc(e.Name, func(r rune) bool { return !strings.ContainsRune(nameRunes, r) }) {
		return &fieldError{"name", fmt.Errorf("%q: want letters, digits, and . _ - only", e.Name)}
	}
	if e.URL == "" {
		return &fieldError{"url", errors.New("is needed")}
	}
	u, err := url.Parse(e.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return &fieldError{"url", errors.New("want http://host:port or https://…, perhaps with a path, and nothing else")}
	}
	if s.H2C && u.Scheme != "http" {
		return &fieldError{"h2c", errors.New("is HTTP/2 without TLS: the URL must start with http://")}
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	s.URL = u
	if s.Health.Timeout > s.Health.Interval {
		return &fieldError{"health.timeout", fmt.Errorf("%v is more than the interval of %v", s.Health.Timeout, s.Health.Interval)}
	}
	return nil
}

const nameRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

func whole(field string, from, to *int, low, high int) error {
	if from == nil {
		return nil
	}
	if *from < low || *from > high {
		return &fieldError{field, fmt.Errorf("%d is out of range: want %d to %d", *from, low, high)}
	}
	*to = *from
	return nil
}

func span(field string, from *string, to *time.Duration, least time.Duration) error {
	if from == nil {
		return nil
	}
	d, err := time.ParseDuration(*from)
	if err != nil {
		return &fieldError{field, fmt.Errorf("%q is not a duration such as 500ms, 10s or 2m", *from)}
	}
	if d < least || d > 24*time.Hour {
		return &fieldError{field, fmt.Errorf("%v is out of range: want %v to 24h", d, least)}
	}
	*to = d
	return nil
}
