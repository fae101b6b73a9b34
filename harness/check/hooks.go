package check

import (
	"maps"
	"slices"
	"strings"
)

var hooks = Check{
	Name: "hooks",
	Doc: `Each hook was called as often as expect.hooks allows, and each call with the arguments stated there; a hook that is
not listed was not called. What a hook answered is not judged.`,
	Judge: judgeHooks,
}

func judgeHooks(f *Facts) Result {
	calls := make(map[string]int)
	var x, wrong examples
	bad := 0
	for _, c := range f.sides.hooks {
		calls[c.hook]++
		x.add("%s: %s %s", clock(c.at), c.hook, strings.Join(c.args, " "))
		want := f.Meta.Expect.Hooks[c.hook].Args
		if c.err != nil || len(want) > 0 && !matches(want, c.args) {
			bad++
			wrong.add("%s: %s was called with %q, wanted %q", clock(c.at), c.hook, c.args, want)
		}
	}
	names := slices.Collect(maps.Keys(f.Meta.Expect.Hooks))
	for name := range calls {
		if _, listed := f.Meta.Expect.Hooks[name]; !listed {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var few string
	for _, name := range names {
		want := f.Meta.Expect.Hooks[name]
		if n := calls[name]; n > want.Max {
			return fail(x, "hook %s was called %s, wanted at most %d", name, count(n, "time"), want.Max)
		} else if n < want.Min && few == "" {
			few = name
		}
	}
	switch {
	case bad > 0:
		return fail(wrong, "%s had other arguments than wanted, of %d", count(bad, "hook call"), len(f.sides.hooks))
	case few != "" && f.cut():
		return unknown("hook %s was called %s, wanted at least %d, but the history ends before the run did", few, count(calls[few], "time"), f.Meta.Expect.Hooks[few].Min)
	case few != "":
		return fail(x, "hook %s was called %s, wanted at least %d", few, count(calls[few], "time"), f.Meta.Expect.Hooks[few].Min)
	case f.Began == never:
		return unknown("there is no run to look at")
	}
	return pass("%s, as wanted", count(len(f.sides.hooks), "hook call"))
}

// matches compares arguments one by one; "*" stands for any one.
func matches(want, got []string) bool {
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == "*" || w == g })
}
