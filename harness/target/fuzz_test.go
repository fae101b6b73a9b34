package target

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParse(f *testing.F) {
	ours, err := os.ReadFile("../../comeback.yaml")
	require.NoError(f, err)
	f.Add(ours)
	f.Add([]byte("version: 1\ntargets: {a: {command: [a], queue: jobs}}"))
	f.Add([]byte("version: 1\ntargets: {a: {command: ! 0}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parse(text, "comeback.yaml")
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "comeback.yaml: "), err)
			return
		}
		for name, target := range file.Targets {
			require.Equal(t, name, target.Name)
			require.Positive(t, target.Instances)
			require.Positive(t, target.Ready.Limit)
		}
	})
}
