package cache

import "strings"

// Control is what Cache-Control says, of a request or of an answer. Ages are in seconds; none is a field with -1.
type Control struct {
	NoStore, NoCache, Private, Public             bool
	MustRevalidate, ProxyRevalidate, OnlyIfCached bool
	MaxAge, SMaxAge, MinFresh                     int64
}

const (
	none      = -1
	longest   = 1 << 31 // seconds; what RFC 9111 has for more than can be counted
	separator = " \t,"
)

// Parse reads the lines of a header. Whatever is said twice counts in its stricter sense; an age that is no number is
// nought; what cannot be read makes the whole NoStore.
func Parse(lines []string) Control {
	c := Control{MaxAge: none, SMaxAge: none, MinFresh: none}
	for _, rest := range lines {
		for rest = strings.TrimLeft(rest, separator); rest != ""; rest = strings.TrimLeft(rest, separator) {
			var name, value string
			var ok bool
			if name, value, rest, ok = directive(rest); !ok {
				c.NoStore = true
				break
			}
			c.set(name, value)
		}
	}
	return c
}

// directive splits the first directive off. It is not ok when it cannot be told where it ends.
func directive(s string) (name, value, rest string, ok bool) {
	end := strings.IndexAny(s, "=,\"")
	if end < 0 {
		return trim(s), "", "", true
	}
	name = trim(s[:end])
	if s[end] == ',' {
		return name, "", s[end:], true
	}
	if s[end] == '"' {
		return "", "", "", false
	}
	s = strings.TrimLeft(s[end+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ",")
		return name, trim(value), rest, !strings.Contains(value, `"`)
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			value, rest = s[1:i], strings.TrimLeft(s[i+1:], " \t")
			return name, value, rest, rest == "" || rest[0] == ','
		}
	}
	return "", "", "", false
}

func trim(s string) string { return strings.Trim(s, " \t") }

func (c *Control) set(name, value string) {
	switch {
	case strings.EqualFold(name, "no-store"):
		c.NoStore = true
	case strings.EqualFold(name, "no-cache"): // with names of headers, too: those could not be left out
		c.NoCache = true
	case strings.EqualFold(name, "private"):
		c.Private = true
	case strings.EqualFold(name, "public"):
		c.Public = true
	case strings.EqualFold(name, "must-revalidate"):
		c.MustRevalidate = true
	case strings.EqualFold(name, "proxy-revalidate"):
		c.ProxyRevalidate = true
	case strings.EqualFold(name, "only-if-cached"):
		c.OnlyIfCached = true
	case strings.EqualFold(name, "max-age"):
		c.MaxAge = stricter(c.MaxAge, seconds(value))
	case strings.EqualFold(name, "s-maxage"):
		c.SMaxAge = stricter(c.SMaxAge, seconds(value))
	case strings.EqualFold(name, "min-fresh"):
		c.MinFresh = max(c.MinFresh, seconds(value))
	}
}

func stricter(was, is int64) int64 {
	if was == none {
		return is
	}
	return min(was, is)
}

// seconds reads a number. What is none is nought, which is stale.
func seconds(s string) (n int64) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0
		}
		n = min(n*10+int64(c-'0'), longest)
	}
	return n
}
