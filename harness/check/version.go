package check

import (
	"fmt"
	"strings"
)

var version = Check{
	Name: "version",
	Doc: `The load measured what it was meant to: each good answer came from expect.version, as its header X-Version says. Unknown
otherwise: figures of another version, or of a mixture, prove nothing about this one. It never fails. Applies with
expect.version.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.Meta.Expect.Version != "" },
	Judge: func(f *Facts) Result {
		want, seen := f.Meta.Expect.Version, f.requests.versions
		switch {
		case len(seen) == 0:
			return unknown("no good answer, so no version")
		case len(seen) == 1 && seen[0].name == want:
			return pass("version %q gave all %s", want, count(seen[0].n, "good answer"))
		}
		return unknown("answers came from %s, wanted %q only", f.requests.versionList(), want)
	},
}

var serves = Check{
	Name: "serves",
	Doc: `After the last heal and expect.recovery the version that serves is expect.serves, and no other: a rollout that calls itself
done while the old version answers is none. Applies with expect.serves.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.Meta.Expect.Serves != "" },
	Judge: func(f *Facts) Result {
		want := f.Meta.Expect.Serves
		_, heal := f.faults.span()
		if !f.faults.healed() {
			return unknown("no fault was healed, so there is no time after it")
		}
		from := heal + f.Meta.Expect.Recovery
		var others examples
		served := false
		for _, v := range f.requests.versions {
			if v.last < from {
				continue
			}
			if v.name == want {
				served = true
			} else {
				others.add("%q answered until %s", v.name, clock(v.last))
			}
		}
		switch {
		case len(others) > 0:
			return fail(others, "after %s answers came from other versions than %q: %s", clock(from), want, f.requests.versionList())
		case !served:
			return unknown("nobody answered after %s", clock(from))
		}
		return pass("after %s only version %q answered (%s)", clock(from), want, f.requests.versionList())
	},
}

// versionList tells the versions that answered, and how often.
func (r *requests) versionList() string {
	var parts []string
	for _, v := range r.versions {
		parts = append(parts, fmt.Sprintf("%q: %d", v.name, v.n))
	}
	return strings.Join(parts, ", ")
}
