package backend_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// specs are those of some names, at another host each time that it is another one.
func specs(host string, names ...string) []backend.Spec {
	var all []backend.Spec
	for _, n := range names {
		all = append(all, spec(n, func(s *backend.Spec) { s.URL = &url.URL{Scheme: "http", Host: n + host + ":1"} }))
	}
	return all
}

// serving gives the hosts of those in service.
func (l *lab) serving() []string {
	hosts := []string{}
	for _, b := range l.InService() {
		hosts = append(hosts, b.Spec().URL.Hostname())
	}
	slices.Sort(hosts)
	return hosts
}

// A new address for all is no outage: each old one serves until its successor does.
func TestOtherURLsForAllAreTakenOneByOne(t *testing.T) {
	t.Parallel()
	l := newLab(specs("-1", "a", "b", "c")...)
	l.ok("a", "b", "c")
	out := l.Apply(specs("-2", "a", "b", "c"))
	require.Equal(t, []string{"a", "b", "c"}, out.Changed)
	require.Equal(t, []string{"a-1", "b-1", "c-1"}, l.serving())
	require.Contains(t, l.List()[0].Reason, "serves until a at http://a-2:1 does: replaced")
	l.ok("b")
	require.Equal(t, []string{"a-1", "b-2", "c-1"}, l.serving())
	l.ok("c", "a")
	require.Equal(t, []string{"a-2", "b-2", "c-2"}, l.serving())
	require.Len(t, l.List(), 3)
}

// New names for all are none either, and who has nobody to come in its place goes at once.
func TestNewNamesForAllAreTakenOneByOne(t *testing.T) {
	t.Parallel()
	l := newLab(specs("", "a", "b", "c")...)
	l.ok("a", "b", "c")
	out := l.Apply(specs("", "d", "e"))
	require.Equal(t, []string{"a", "b", "c"}, out.Gone)
	require.Equal(t, []string{"a", "b"}, l.serving())
	l.ok("d")
	require.Equal(t, []string{"b", "d"}, l.serving())
	l.ok("e")
	require.Equal(t, []string{"d", "e"}, l.serving())
}

// What never comes into service takes nobody's place, whether it is taken back or replaced in its turn.
func TestAReloadThatFailsCostsNobody(t *testing.T) {
	t.Parallel()
	for name, first := range map[string][]backend.Spec{"URLs": specs("-2", "a", "b", "c"), "names": specs("", "d", "e", "f")} {
		for way, second := range map[string][]backend.Spec{
			"back": specs("-1", "a", "b", "c"), "URLs again": specs("-3", "a", "b", "c"), "names again": specs("", "g", "h", "i"),
		} {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				l := newLab(specs("-1", "a", "b", "c")...)
				l.ok("a", "b", "c")
				l.Apply(first)
				l.Apply(second)
				require.Equal(t, []string{"a-1", "b-1", "c-1"}, l.serving())
				for _, s := range second {
					require.Len(t, l.serving(), 3)
					l.ok(s.Name)
				}
				require.Len(t, l.serving(), 3)
				require.Len(t, l.List(), 3, "nobody else is left")
			})
		}
	}
}

// Who waits for its successor can be told to go without.
func TestWhoWaitsCanBeRemoved(t *testing.T) {
	t.Parallel()
	l := newLab(specs("", "a", "b")...)
	l.ok("a", "b")
	l.Apply(specs("", "b", "c"))
	require.Equal(t, []string{"a", "b"}, l.serving())
	require.NoError(t, l.Remove("a", "asked", time.Minute, false))
	require.Equal(t, []string{"b"}, l.serving())
}
