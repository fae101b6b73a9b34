package cache

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	base := Control{MaxAge: none, SMaxAge: none, MinFresh: none}
	with := func(set func(*Control)) Control { c := base; set(&c); return c }
	for in, want := range map[string]Control{
		"":                               base,
		" , ,":                           base,
		"max-age=60":                     with(func(c *Control) { c.MaxAge = 60 }),
		"Max-Age = 60":                   with(func(c *Control) { c.MaxAge = 60 }),
		`max-age="60"`:                   with(func(c *Control) { c.MaxAge = 60 }),
		"max-age=99999999999999999999":   with(func(c *Control) { c.MaxAge = longest }),
		"max-age=-1":                     with(func(c *Control) { c.MaxAge = 0 }),
		"max-age":                        with(func(c *Control) { c.MaxAge = 0 }),
		"max-age=60, max-age=5":          with(func(c *Control) { c.MaxAge = 5 }),
		"max-age=60.5":                   with(func(c *Control) { c.MaxAge = 0 }),
		"s-maxage=7,max-age=60":          with(func(c *Control) { c.SMaxAge, c.MaxAge = 7, 60 }),
		"public,no-cache":                with(func(c *Control) { c.Public, c.NoCache = true, true }),
		"PRIVATE":                        with(func(c *Control) { c.Private = true }),
		`private="set-cookie, x"`:        with(func(c *Control) { c.Private = true }),
		`no-cache="x", public`:           with(func(c *Control) { c.NoCache, c.Public = true, true }),
		"no-store":                       with(func(c *Control) { c.NoStore = true }),
		"must-revalidate":                with(func(c *Control) { c.MustRevalidate = true }),
		"proxy-revalidate,min-fresh=3":   with(func(c *Control) { c.ProxyRevalidate, c.MinFresh = true, 3 }),
		"only-if-cached":                 with(func(c *Control) { c.OnlyIfCached = true }),
		`x="a\", private", public`:       with(func(c *Control) { c.Public = true }),
		"x=y;z=private, public":          with(func(c *Control) { c.Public = true }),
		"not-private, xno-store":         base,
		`x="no end, private`:             with(func(c *Control) { c.NoStore = true }),
		`x="a" private`:                  with(func(c *Control) { c.NoStore = true }),
		`x=a"b, private"`:                with(func(c *Control) { c.NoStore = true }),
		`"private"`:                      with(func(c *Control) { c.NoStore = true }),
		"stale-while-revalidate=60, a=b": base,
	} {
		require.Equal(t, want, Parse([]string{in}), in)
	}
	require.Equal(t, with(func(c *Control) { c.Public, c.MaxAge = true, 5 }), Parse([]string{"public", "max-age=5"}))
}

func (c Control) String() string {
	var words []string
	for word, on := range map[string]bool{"no-store": c.NoStore, "no-cache": c.NoCache, "private": c.Private, "public": c.Public,
		"must-revalidate": c.MustRevalidate, "proxy-revalidate": c.ProxyRevalidate, "only-if-cached": c.OnlyIfCached} {
		if on {
			words = append(words, word)
		}
	}
	for word, n := range map[string]int64{"max-age": c.MaxAge, "s-maxage": c.SMaxAge, "min-fresh": c.MinFresh} {
		if n != none {
			words = append(words, fmt.Sprintf("%s=%d", word, n))
		}
	}
	return strings.Join(words, ", ")
}

// FuzzParse holds that nothing can hide a word that forbids sharing, however the header is written.
func FuzzParse(f *testing.F) {
	for _, in := range []string{"max-age=60, public", `private="a, b", x`, `x="`, `x="\`, "a=b=c,,", `no-cache=",no-store"`, "max-age=1,max-age=0"} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c := Parse([]string{in})
		require.Equal(t, c, Parse([]string{c.String()}), "written and read again")
		require.Equal(t, c, Parse([]string{strings.ToUpper(strings.ToLower(in))}), "in capitals")
		for _, word := range []string{"private", "no-store"} {
			for _, more := range [][]string{{in + ", " + word}, {word + "," + in}, {in, word}, {word, in}} {
				got := Parse(more)
				require.True(t, got.NoStore || word == "private" && got.Private, "%q", more)
			}
		}
		for _, n := range []int64{c.MaxAge, c.SMaxAge, c.MinFresh} {
			require.True(t, n >= none && n <= longest)
		}
		for _, plain := range strings.Split(in, ",") {
			if !strings.Contains(in, `"`) && strings.EqualFold(trim(plain), "private") {
				require.True(t, c.Private)
			}
		}
	})
}
