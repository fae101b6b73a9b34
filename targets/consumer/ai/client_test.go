package ai_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ai"
)

func picture(t testing.TB) []byte {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 64))))
	return b.Bytes()
}

func TestPaint(t *testing.T) {
	t.Parallel()
	whole := picture(t)
	encoded := base64.StdEncoding.EncodeToString(whole)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		err    error
	}{
		"image":           {text(`{"images":["` + encoded + `"]}`), nil},
		"data URL":        {text(`{"images":["data:image/png;base64,` + encoded + `"]}`), nil},
		"no images":       {text(`{"images":[]}`), ai.ErrNoImage},
		"half a JSON":     {text(`{"images":["` + encoded), ai.ErrNoImage},
		"not base64":      {text(`{"images":["%%%"]}`), ai.ErrNoImage},
		"not an image":    {text(`{"images":["` + base64.StdEncoding.EncodeToString([]byte("garbage")) + `"]}`), ai.ErrNoImage},
		"half an image":   {text(`{"images":["` + base64.StdEncoding.EncodeToString(whole[:len(whole)/2]) + `"]}`), ai.ErrNoImage},
		"cut in the body": {cut, ai.ErrNoAnswer},
		"too late":        {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, ai.ErrNoAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.answer)
			t.Cleanup(server.Close)
			limit := 20 * time.Second
			if name == "too late" {
				limit = 500 * time.Millisecond
			}
			img, err := (&ai.Client{URL: server.URL + "/", Timeout: limit}).Paint(t.Context(), "m1", []byte(`{"prompt":"x"}`))
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, ai.Image{Data: whole, Format: "png"}, img)
		})
	}
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"images":[`)
	panic(http.ErrAbortHandler)
}

func TestStatusAndRefusal(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "CUDA out of memory", 500) }))
	c := &ai.Client{URL: server.URL}
	_, err := c.Paint(t.Context(), "m1", []byte(`{}`))
	var status *ai.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, 500, status.Status)
	require.ErrorContains(t, err, "CUDA out of memory")
	require.Error(t, c.Ping(t.Context()))
	server.Close()
	_, err = c.Paint(t.Context(), "m1", []byte(`{}`))
	require.ErrorIs(t, err, ai.ErrNoAnswer)
	require.ErrorIs(t, c.Ping(t.Context()), ai.ErrNoAnswer)
}

func TestRequestGoesAsItCameWithTheModel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ model, request, want string }{
		"no model":     {"", `{"prompt":"x","steps":7,"odd":[1]}`, `{"prompt":"x","steps":7,"odd":[1]}`},
		"model":        {"sd15", `{"prompt":"x","steps":7}`, `{"prompt":"x","steps":7,"override_settings":{"sd_model_checkpoint":"sd15"}}`},
		"model of own": {"sd15", `{"prompt":"x","override_settings":{"a":1}}`, `{"prompt":"x","override_settings":{"a":1}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got json.RawMessage
			var id, path string
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got, _ = io.ReadAll(r.Body)
				id, path = r.Header.Get("X-Request-Id"), r.Method+" "+r.URL.Path
			}))
			t.Cleanup(server.Close)
			_, err := (&ai.Client{URL: server.URL, Model: c.model}).Paint(t.Context(), "m9", []byte(c.request))
			require.ErrorIs(t, err, ai.ErrNoImage)
			require.JSONEq(t, c.want, string(got))
			require.Equal(t, "m9", id)
			require.Equal(t, "POST /sdapi/v1/txt2img", path)
		})
	}
}

// Whether a request that failed was sent: by that a job is told that may have killed the AI process from one
// that found it dead.
func TestUnsent(t *testing.T) {
	t.Parallel()
	breaks := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(breaks.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		url    string
		unsent bool
	}{
		"cut":         {t.Context(), breaks.URL, false},
		"refused":     {t.Context(), gone.URL, true},
		"never begun": {ended, breaks.URL, true},
	} {
		_, err := (&ai.Client{URL: c.url}).Paint(c.ctx, "m1", []byte(`{}`))
		require.ErrorIs(t, err, ai.ErrNoAnswer, name)
		require.Equal(t, c.unsent, errors.Is(err, ai.ErrUnsent), "%s: %v", name, err)
	}
}
