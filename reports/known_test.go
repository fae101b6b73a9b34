package reports

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParseKnown(f *testing.F) {
	ours, err := os.ReadFile("../docs/proxies.yaml")
	require.NoError(f, err)
	f.Add(ours)
	f.Add([]byte("a: {b: {is: skipped, why: x}}"))
	f.Add([]byte("a: {b: {is: ! 0}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		known, err := parseKnown(text, "proxies.yaml")
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "proxies.yaml: "), err)
			return
		}
		for _, reasons := range known {
			for _, r := range reasons {
				require.NotEmpty(t, r.Is)
				require.NotEmpty(t, r.Why)
			}
		}
	})
}
