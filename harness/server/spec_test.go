package server_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness/server"
)

func TestSpecIsReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ version, health string }{
		`{}`: {"1", "/healthz"},
		`{"version":"2","health":"/up","rules":[{"on":"boot","do":"slow-boot","delay":"2s"}]}`: {"2", "/up"},
		`{"asgi":{}}`: {"1", "/healthz"},
		`{"jvm":{"heap":16,"version":"4"},"health":"/up"}`:                                                                     {"4", "/up"},
		`{"asgi":{"app":"django","gunicorn":true,"workers":2,"version":"3","swagger":404,"migrate":"2s"},"health":"/swagger"}`: {"3", "/swagger"},
	} {
		var s server.Spec
		require.NoError(t, json.Unmarshal([]byte(text), &s), text)
		require.Equal(t, want.version, s.Version(), text)
		require.Equal(t, want.health, s.Health(), text)
		written, err := json.Marshal(s)
		require.NoError(t, err)
		var again server.Spec
		require.NoError(t, json.Unmarshal(written, &again), "%s", written)
		require.Equal(t, s, again)

		other := s.As("9")
		require.Equal(t, "9", other.Version())
		require.Equal(t, want.version, s.Version(), "the first stays as it was")
	}
}

func TestSpecErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`3`:                                   "want an object",
		`{"asgi":null}`:                       "want an object, {} at least",
		`{"asgi":{"ap":"plain"}}`:             "ap",
		`{"jvm":null}`:                        "want an object, {} at least",
		`{"jvm":{"heap":1}}`:                  "heap 1 is out of range",
		`{"jvm":{},"asgi":{}}`:                "a server is one of them",
		`{"asgi":{},"latency":{}}`:            "latency",
		`{"asgi":{},"health":"up"}`:           "no path",
		`{"health":"up"}`:                     "no path",
		`{"versoin":"2"}`:                     "versoin",
		`{"asgi":{"timeout":"1s"}}`:           "only gunicorn",
		`{"asgi":{"gunicorn":true},"path":2}`: "path",
	} {
		var s server.Spec
		require.ErrorContains(t, json.Unmarshal([]byte(text), &s), want, text)
	}
}
