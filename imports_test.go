package comeback_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/comeback-chaos/xk6-comeback"

// allowed says which packages of this module each part may import, beside its own.
var allowed = map[string][]string{
	"":                 {"extension"},
	"cmd":              {""},
	"extension":        {"harness", "fakes", "reports"},
	"harness/suite":    {"harness", "reports", "fakes/rollout"}, // which has defects of its own
	"harness/child":    {},
	"harness/broker":   {"harness/child"},
	"harness/wire":     {"harness/child", "harness/broker"},                 // in tests: the real broker
	"harness/load":     {"harness/child", "harness/broker", "harness/wire"}, // in tests: real parts
	"harness/history":  {},
	"harness/check":    {"harness/history", "harness/recovery", "harness/usl"},
	"harness/usl":      {},
	"harness/sweep":    {"harness/history"},
	"harness/recovery": {"harness/history"},
	"harness/target":   {},
	"harness/link":     {},
	"harness/server":   {"fakes"},
	"harness/fault":    {"harness/history", "harness/wire", "harness/load", "harness/link", "harness/broker", "harness/server", "harness/child", "fakes"}, // child in tests: the real broker
	"harness":          {"harness", "fakes"},
	"reports":          {"harness/history", "harness/check", "harness/recovery", "harness/usl"},
	"fakes":            {"fakes"},
	"fakes/rollout":    {"fakes", "targets/proxy"}, // in tests: the real admin API
	"targets/consumer": {"targets/consumer"},
	"targets/proxy":    {"targets/proxy"},
	"targets/bench":    {"targets/proxy", "harness/child"},
	"targets/legacy":   {"targets/consumer", "targets/legacy"},
	"examples":         {},
	"scenarios":        {},

	"targets/legacy/defect": {},
	"targets/legacy/proxy":  {"targets/proxy", "targets/legacy/defect"},
}

// outside says which parts alone may import a module from elsewhere.
var outside = map[string][]string{
	"go.k6.io/k6":                        {"", "cmd", "extension"},
	"github.com/testcontainers":          {"harness/broker", "harness/target"},
	"github.com/grafana/sobek":           {"extension"},
	"testing":                            {}, // only _test.go files and packages named …test
	"github.com/stretchr/testify":        {},
	"github.com/Shopify/toxiproxy":       {"harness/link"},
	"gonum.org/v1/gonum":                 {"harness/usl"},
	"github.com/failsafe-go/failsafe-go": {"targets/consumer", "targets/legacy"},
}

type pkg struct {
	ImportPath                string
	Imports                   []string
	TestImports, XTestImports []string
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...").Output()
	require.NoError(t, err)
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for dec.More() {
		var p pkg
		require.NoError(t, dec.Decode(&p))
		seen++
		part := partOf(p.ImportPath)
		_, known := allowed[part]
		require.True(t, known, "%s belongs to no part that has a rule here", p.ImportPath)
		tests := append(p.TestImports, p.XTestImports...)
		for _, imported := range append(p.Imports, tests...) {
			checkImport(t, p.ImportPath, part, imported)
		}
		if strings.HasSuffix(p.ImportPath, "test") {
			continue // a package of test help may import what tests import
		}
		for _, imported := range p.Imports {
			for prefix, parts := range outside {
				if imported == prefix || strings.HasPrefix(imported, prefix+"/") {
					require.Contains(t, parts, part, "%s must not import %s", p.ImportPath, imported)
				}
			}
		}
	}
	require.Greater(t, seen, 20, "the packages of the module")
}

func checkImport(t *testing.T, from, part, imported string) {
	t.Helper()
	if imported != module && !strings.HasPrefix(imported, module+"/") {
		return
	}
	to := partOf(imported)
	if to == part {
		return
	}
	for _, a := range allowed[part] {
		if to == a || a != "" && strings.HasPrefix(to, a+"/") {
			return
		}
	}
	t.Errorf("%s (part %q) must not import %s (part %q)", from, part, imported, to)
}

// partOf gives the longest part that a package lies in.
func partOf(path string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	for part := rest; part != ""; part = parent(part) {
		if _, ok := allowed[part]; ok {
			return part
		}
	}
	return ""
}

func parent(part string) string {
	i := strings.LastIndexByte(part, '/')
	if i < 0 {
		return ""
	}
	return part[:i]
}
