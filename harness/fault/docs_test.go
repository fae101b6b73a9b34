package fault_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
)

var updateDocs = flag.Bool("update-docs", false, "write docs/faults.md anew")

const (
	docsPage = "../../docs/faults.md"
	typesOf  = "../../extension/index.d.ts"
)

// TestDocsPage holds docs/faults.md against what the faults say of themselves.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# The faults\n\n" +
		"Each is one way of breaking something, made in a script by `faults.<name>(…)` and put in place by `run.inject(…)`.\n" +
		"Durations are strings such as '1.5s'. Random choices follow from the run's seed. Each ends with the run at the latest.\n" +
		"This page is made from the faults themselves (`go test ./harness/fault -run Docs -update-docs`).\n")
	for _, k := range fault.All() {
		page(t, &b, k)
	}
	if *updateDocs {
		require.NoError(t, os.WriteFile(docsPage, []byte(b.String()), 0o600))
	}
	text, err := os.ReadFile(docsPage)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(text), "docs/faults.md is behind: go test ./harness/fault -run Docs -update-docs")
}

func page(t *testing.T, b *strings.Builder, k fault.Kind) {
	t.Helper()
	require.NotEmpty(t, k.Doc, k.Name)
	require.NotEmpty(t, k.Does, k.Name)
	require.NotEmpty(t, k.Correct, k.Name)
	fmt.Fprintf(b, "\n## %s\n\n`%s` %s.\n\n%s\n\nA correct target: %s\n", k.Name, k.Usage(), k.Doc, k.Does, lower(k.Correct))
	if k.Needs != "" {
		fmt.Fprintf(b, "\nNeeds: %s\n", lower(k.Needs))
	}
	rows := fields(t, k)
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n| parameter | type | meaning |\n|---|---|---|\n%s", strings.Join(rows, ""))
	}
}

// fields are the parameters of a fault, a row of the table each.
func fields(t *testing.T, k fault.Kind) []string {
	t.Helper()
	var rows []string
	typ := reflect.TypeOf(k.New()).Elem()
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		doc := f.Tag.Get("doc")
		require.NotEmptyf(t, doc, "parameter %s of fault %s has no doc tag", name, k.Name)
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", name, typeName(f.Type), strings.ReplaceAll(doc, "|", `\|`)))
	}
	return rows
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[script.Duration]() || t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		return "object"
	case t.Kind() == reflect.Bool || t.Kind() == reflect.String:
		return t.Kind().String()
	}
	return "number"
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// TestTypes wants each fault in the script's types, which are written by hand.
func TestTypes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(typesOf)
	require.NoError(t, err)
	for _, k := range fault.All() {
		require.Containsf(t, string(text), "\n    "+k.Name+"(", "index.d.ts does not declare faults.%s", k.Name)
	}
}
