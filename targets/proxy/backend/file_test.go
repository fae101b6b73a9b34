package backend_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

const good = `
defaults:
  max_active: 50
  health: {path: /up, codes: "200,301", interval: 2s, timeout: 1s}
backends:
  - name: a
    url: http://127.0.0.1:9001
  - name: b
    url: http://127.0.0.1:9002/base/
    version: v2
    weight: 3
    max_active: 7
    h2c: true
    health: {codes: 200-299, unhealthy: 5, grace: 1m, host: "shop.example:8080"}
`

func TestParse(t *testing.T) {
	t.Parallel()
	specs, err := backend.Parse([]byte(good))
	require.NoError(t, err)
	require.Len(t, specs, 2)
	a, b := specs[0], specs[1]
	require.Equal(t, "127.0.0.1:9001", a.URL.Host)
	require.Equal(t, 50, a.MaxActive)
	require.Equal(t, 1, a.Weight)
	require.Equal(t, "/up", a.Health.Path)
	require.Equal(t, "200 or 301", a.Health.Codes.String())
	require.Equal(t, 2*time.Second, a.Health.Interval)
	require.Equal(t, 2, a.Health.Healthy)
	require.Equal(t, 3, a.Health.Unhealthy)
	require.Equal(t, "/base", b.URL.Path)
	require.Equal(t, "v2", b.Version)
	require.Equal(t, 3, b.Weight)
	require.Equal(t, 7, b.MaxActive)
	require.True(t, b.H2C)
	require.Equal(t, "200 to 299", b.Health.Codes.String())
	require.Equal(t, 5, b.Health.Unhealthy)
	require.Equal(t, time.Minute, b.Health.Grace)
	require.Equal(t, "shop.example:8080", b.Health.Host)
	require.Empty(t, a.Health.Host)
	require.Equal(t, time.Second, b.Health.Timeout, "what it does not say is that of the defaults")
}

func TestAWrongFileIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":     {"backends:\n  - name: a\n    url: http://h:1\n    wieght: 3\n", `[4:5] unknown field "wieght"`},
		"wrong type":      {"backends:\n  - name: a\n    url: http://h:1\n    weight: heavy\n", "[4:13]"},
		"no backends":     {"defaults:\n  weight: 2\n", "want at least one"},
		"no name":         {"backends:\n  - url: http://h:1\n", "line 2: name: is needed"},
		"odd name":        {"backends:\n  - name: a b\n    url: http://h:1\n", "line 2: name: \"a b\""},
		"no url":          {"backends:\n  - name: a\n", "url: is needed"},
		"password":        {"backends:\n  - name: a\n    url: http://u:secret@h:1\n", "line 3: url: want"},
		"scheme":          {"backends:\n  - name: a\n    url: ftp://h:1\n", "line 3: url: want"},
		"range":           {"backends:\n  - name: a\n    url: http://h:1\n    max_active: 0\n", "line 4: max_active: 0 is out of range"},
		"codes":           {"backends:\n  - name: a\n    url: http://h:1\n    health:\n      codes: 2xx\n", "line 5: health.codes: \"2xx\" is no status code"},
		"codes backwards": {"backends:\n  - name: a\n    url: http://h:1\n    health: {codes: 299-200}\n", "line 4: health.codes"},
		"duration":        {"backends:\n  - name: a\n    url: http://h:1\n    health: {interval: 5}\n", "line 4: health.interval: \"5\" is not a duration"},
		"timeout":         {"backends:\n  - name: a\n    url: http://h:1\n    health: {timeout: 1m}\n", "health.timeout: 1m0s is more than the interval of 5s"},
		"path":            {"backends:\n  - name: a\n    url: http://h:1\n    health: {path: up}\n", "line 4: health.path"},
		"host":            {"backends:\n  - name: a\n    url: http://h:1\n    health: {host: http://shop}\n", "line 4: health.host: \"http://shop\" is not a host"},
		"host and path":   {"backends:\n  - name: a\n    url: http://h:1\n    health: {host: shop/up}\n", "line 4: health.host"},
		"host of a user":  {"backends:\n  - name: a\n    url: http://h:1\n    health: {host: 'me@shop'}\n", "line 4: health.host"},
		"host, two lines": {"backends:\n  - name: a\n    url: http://h:1\n    health: {host: \"shop\\r\\nX: y\"}\n", "line 4: health.host"},
		"only a port":     {"backends:\n  - name: a\n    url: http://h:1\n    health: {host: ':80'}\n", "line 4: health.host"},
		"twice":           {"backends:\n  - name: a\n    url: http://h:1\n  - name: a\n    url: http://h:2\n", "line 4: name: \"a\" is there twice"},
		"default name":    {"defaults:\n  name: a\nbackends:\n  - name: a\n    url: http://h:1\n", "each backend's own"},
		"wrong default":   {"defaults:\n  weight: 0\nbackends:\n  - name: a\n    url: http://h:1\n", "line 2: weight: 0 is out of range"},
		"h2c over TLS":    {"backends:\n  - name: a\n    url: https://h:1\n    h2c: true\n", "line 4: h2c"},
		"no YAML":         {"backends: [\n", "[1:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := backend.Parse([]byte(c.text))
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "backends.yaml")
	_, err := backend.Load(path)
	require.ErrorContains(t, err, path)
	require.NoError(t, os.WriteFile(path, []byte("backends: []\n"), 0o600))
	_, err = backend.Load(path)
	require.ErrorContains(t, err, path+": backends: want at least one")
}

func TestParseOne(t *testing.T) {
	t.Parallel()
	s, err := backend.ParseOne([]byte(`{"url": "http://h:1", "version": "v1", "health": {"codes": "204"}}`), "a", nil)
	require.NoError(t, err)
	require.Equal(t, "a", s.Name)
	changed, err := backend.ParseOne([]byte(`{"weight": 5}`), "a", &s)
	require.NoError(t, err)
	require.Equal(t, 5, changed.Weight)
	require.Equal(t, "v1", changed.Version)
	require.Equal(t, "h:1", changed.URL.Host)
	require.True(t, changed.Health.Codes.Has(204))
	require.False(t, changed.Health.Codes.Has(200))
	_, err = backend.ParseOne([]byte(`{"name": "b"}`), "a", &s)
	require.ErrorContains(t, err, `"b" is not "a"`)
	_, err = backend.ParseOne([]byte(`{"nope": 1}`), "a", &s)
	require.ErrorContains(t, err, "nope")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("backends: [{name: a, url: 'http://h:1'}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		specs, err := backend.Parse(text)
		if err != nil {
			return
		}
		require.NotEmpty(t, specs)
		for _, s := range specs {
			require.NotEmpty(t, s.Name)
			require.NotEmpty(t, s.URL.Host)
			require.Positive(t, s.MaxActive)
			require.LessOrEqual(t, s.Health.Timeout, s.Health.Interval)
		}
	})
}
