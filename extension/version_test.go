package extension

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

// TestLoadNamesTheVersionThatItMeasured wants a run to prove nothing when another version has answered than the one that
// was to be measured, or more than one, however well all went.
func TestLoadNamesTheVersionThatItMeasured(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		backends, says string
		code           int
	}{
		"the one":     {`{ version: '2' }, { version: '2' }`, `version "2" gave all`, 0},
		"another one": {`{ version: '1' }, { version: '1' }`, `wanted "2" only`, check.Unknown.Code()},
		"a mixture":   {`{ version: '1' }, { version: '2' }`, `wanted "2" only`, check.Unknown.Code()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slot(t)
			// Slow, as in siteScript.
			text := fmt.Sprintf(`import http from 'k6/http';
import { incident } from 'k6/x/comeback';
const run = incident({
  id: 'C7', target: 'proxy', backends: [%s], load: { rate: 2, duration: '4s' }, expect: { noFault: true, version: '2' },
});
export const options = run.options;
const site = run.client(http);
export function setup() { run.start(); }
export function load() { site.get('/'); }
export async function story() { await run.loadEnd(); }
`, c.backends)
			file := filepath.Join(t.TempDir(), "measure.js")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			r := run(t, file)
			require.Equal(t, c.code, r.code, "%s", r.output)
			j, err := harness.Judge(r.out)
			require.NoError(t, err)
			for _, one := range j.Results {
				if one.Check == "version" {
					require.Contains(t, one.Reason, c.says)
					continue
				}
				require.Equal(t, check.Pass, one.Verdict, "%s: %s", one.Check, one.Reason)
			}
		})
	}
}
