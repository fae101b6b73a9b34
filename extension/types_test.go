package extension

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
)

// TestTypes holds index.d.ts, which is written by hand, against what the module takes and gives: what an
// editor knows of must be there, and what is there an editor must know of.
func TestTypes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("index.d.ts")
	require.NoError(t, err)
	types := declarations(string(page))
	for name, want := range map[string][]string{
		"Incident":    fields[incident](),
		"Expect":      fields[expect](),
		"Rotation":    fields[rotation](),
		"Latency":     fields[latency](),
		"Sweep":       fields[swept](),
		"Backend":     without(fields[upstream.Script](), "rules"), // misbehaviour is a fault
		"RealBackend": {"asgi", "jvm", "health"},
		"AsgiServer":  without(fields[asgi.Server](), "name"),
		"Program":     harness.Programs(),
		"Page":        fields[upstream.Page](),
		"BackendRule": fields[upstream.Rule](),
		"Rollout":     without(fields[fault.Rollout](), "version"), // its first argument
		"LinkName":    fault.LinkNames,
		"CheckName":   checkNames(),
		"Client":      append(keys(methods), "request"),
		"Run":         keys((&module{}).runMembers(harness.Spec{})),
	} {
		got, ok := types[name]
		require.True(t, ok, "index.d.ts declares no %s", name)
		require.ElementsMatch(t, want, got, name)
	}
}

func checkNames() (names []string) {
	for _, c := range check.All {
		names = append(names, c.Name)
	}
	return names
}

// fields are the JSON names of a struct's fields, those of structs that it embeds among them.
func fields[T any]() []string { return fieldsOf(reflect.TypeFor[T]()) }

func fieldsOf(typ reflect.Type) (names []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			names = append(names, fieldsOf(f.Type)...)
		case name != "":
			names = append(names, name)
		}
	}
	return names
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == one })
}

func keys[V any](m map[string]V) (all []string) {
	for key := range m {
		all = append(all, key)
	}
	return all
}

var (
	interfaces = regexp.MustCompile(`(?ms)^  export interface (\w+) \{\n(.*?)^  \}`)
	members    = regexp.MustCompile(`(?m)^    (?:readonly )?(\w+)\??[:(<]`)
	unions     = regexp.MustCompile(`(?ms)^  export type (\w+) =(.*?);`)
	literals   = regexp.MustCompile(`'([^']+)'`)
)

// declarations gives the members of each interface, and the words of each union, of a file of types that is
// indented as ours is. A method that is declared several times counts once.
func declarations(text string) map[string][]string {
	all := map[string][]string{}
	collect := func(name string, found [][]string) {
		for _, m := range found {
			if !slices.Contains(all[name], m[1]) {
				all[name] = append(all[name], m[1])
			}
		}
	}
	for _, m := range interfaces.FindAllStringSubmatch(text, -1) {
		collect(m[1], members.FindAllStringSubmatch(m[2], -1))
	}
	for _, m := range unions.FindAllStringSubmatch(text, -1) {
		collect(m[1], literals.FindAllStringSubmatch(m[2], -1))
	}
	return all
}
