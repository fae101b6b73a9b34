package check_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

var updateDocs = flag.Bool("update-docs", false, "write docs/checks.md anew")

const docsPage = "../../docs/checks.md"

// TestDocsPage holds docs/checks.md against what the checks say of themselves.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# The checks\n\n" +
		"Each judges one invariant on the recorded history of a run, and says pass, fail or unknown with its numbers. A run fails when\n" +
		"one of them fails; otherwise it is unknown when one is unknown; otherwise it passes. This page is made from the checks\n" +
		"themselves (`go test ./harness/check -update-docs`).\n")
	for _, c := range check.All {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.Name, c.Doc)
	}
	if *updateDocs {
		require.NoError(t, os.WriteFile(docsPage, []byte(b.String()), 0o600))
	}
	page, err := os.ReadFile(docsPage)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(page), "docs/checks.md is behind: go test ./harness/check -update-docs")
}
