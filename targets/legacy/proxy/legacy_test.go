package legacyproxy_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	legacyproxy "github.com/comeback-chaos/xk6-comeback/targets/legacy/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/proxytest"
)

func TestMain(m *testing.M) { proxytest.Main(m) }

// A story plays one incident and tells whether the proxy came through it as it should. It must be true of
// the right proxy and false of the one with the defect.
type story func(t *testing.T, change func(*proxy.Proxy)) bool

func TestEachDefectDiffersFromTheRightDecision(t *testing.T) {
	t.Parallel()
	for _, d := range legacyproxy.All {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			tell := stories[d.Name]
			require.NotNil(t, tell, "a defect needs a story that it fails")
			t.Run("right", func(t *testing.T) {
				t.Parallel()
				require.True(t, tell(t, func(*proxy.Proxy) {}))
			})
			t.Run("defect", func(t *testing.T) {
				t.Parallel()
				require.False(t, tell(t, d.Apply))
			})
		})
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"no defect":       {nil, proxy.ExitUsage, "", "legacy-proxy: want --defect NAME"},
		"unknown defect":  {[]string{"--defect", "C99"}, proxy.ExitUsage, "", `unknown defect "C99"; known are: C2-any-answer-is-healthy`},
		"list":            {[]string{"--list-defects"}, proxy.ExitOK, "C2-any-answer-is-healthy\nC3-never-back\n", ""},
		"settings follow": {[]string{"--defect=C3-never-back", "-picker", "x"}, proxy.ExitUsage, "", "setting PICKER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, c.code, legacyproxy.Main(c.args, &stdout, &stderr))
			require.Contains(t, stdout.String(), c.stdout)
			require.Contains(t, stderr.String(), c.stderr)
		})
	}
}
