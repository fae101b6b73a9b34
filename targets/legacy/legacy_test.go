package legacy_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/consumertest"
	"github.com/comeback-chaos/xk6-comeback/targets/legacy"
)

func TestMain(m *testing.M) { os.Exit(brokertest.Main(m)) }

// A story plays one incident and tells whether the consumer came through it as it should. It must be
// true of the right consumer and false of the one with the defect.
type story func(t *testing.T, l *consumertest.Lab, change func(*consumer.Consumer)) bool

func TestEachDefectDiffersFromTheRightDecision(t *testing.T) {
	t.Parallel()
	for _, d := range legacy.All {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			tell := stories[d.Name]
			require.NotNil(t, tell, "a defect needs a story that it fails")
			t.Run("right", func(t *testing.T) {
				t.Parallel()
				require.True(t, tell(t, consumertest.New(t), func(*consumer.Consumer) {}))
			})
			t.Run("defect", func(t *testing.T) {
				t.Parallel()
				require.False(t, tell(t, consumertest.New(t), d.Apply))
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
		"no defect":       {nil, consumer.ExitUsage, "", "want --defect NAME"},
		"no name":         {[]string{"--defect"}, consumer.ExitUsage, "", "want --defect NAME"},
		"another flag":    {[]string{"-amqp-url", "x"}, consumer.ExitUsage, "", "want --defect NAME"},
		"unknown defect":  {[]string{"--defect", "A99"}, consumer.ExitUsage, "", `unknown defect "A99"; known are: lose-one-in-500`},
		"list":            {[]string{"--list-defects"}, consumer.ExitOK, "lose-one-in-500\nswap-one-in-500\nreport-twice-one-in-500\nA1-zero-is-low\n", ""},
		"settings follow": {[]string{"--defect=A6-dead-channel", "-amqp-prefetch", "x"}, consumer.ExitUsage, "", "setting AMQP_PREFETCH"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, c.code, legacy.Main(c.args, &stdout, &stderr))
			require.Contains(t, stdout.String(), c.stdout)
			require.Contains(t, stderr.String(), c.stderr)
		})
	}
}
