package aiworker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

const (
	maxRequest   = 32 << 20 // bytes
	defaultModel = "v1-5-pruned-emaonly.safetensors"
)

// job is what is read of a txt2img request; other fields are allowed there.
type job struct {
	Prompt           string   `json:"prompt"`
	Steps            int      `json:"steps"`
	Width            int      `json:"width"`
	Height           int      `json:"height"`
	Seed             int64    `json:"seed"`
	OverrideSettings settings `json:"override_settings"`

	raw json.RawMessage
}

type settings struct {
	Model string `json:"sd_model_checkpoint"`
}

type result struct {
	Images     [][]byte        `json:"images"` // base64 in JSON
	Parameters json.RawMessage `json:"parameters"`
	Info       string          `json:"info"`
}

func (w *worker) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sdapi/v1/txt2img", w.txt2img)
	mux.HandleFunc("GET /sdapi/v1/sd-models", w.listModels)
	mux.HandleFunc("GET /sdapi/v1/options", w.options)
	mux.HandleFunc("POST /sdapi/v1/options", w.setOptions)
	mux.HandleFunc("GET /sdapi/v1/memory", w.memory)
	mux.HandleFunc("GET /internal/ping", w.ping)
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) {
		w.answer(rw, http.StatusNotFound, detail("Not Found"))
	})
	return mux
}

// txt2img does a job: one slot for its whole time, the model loaded, then the work.
func (w *worker) txt2img(rw http.ResponseWriter, r *http.Request) {
	var j job
	if err := readJSON(r, &j, &j.raw); err != nil {
		w.answer(rw, http.StatusUnprocessableEntity, detail(err.Error()))
		return
	}
	msg := r.Header.Get(RequestID)
	t := w.pickFor(r, OnRequest, msg, j.Prompt)
	ctx, cancel := w.during(r)
	defer cancel()
	base, slots := w.now()
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return
	}
	if t != nil && !w.act(ctx, rw, t, msg, j) {
		return
	}
	if !w.load(ctx, rw, base, j.OverrideSettings.Model) || script.Wait(ctx, base.warm()) != nil {
		return
	}
	w.answer(rw, http.StatusOK, w.result(msg, j))
}

// pickFor is pick for a request that may be a probe.
func (w *worker) pickFor(r *http.Request, on, msg, prompt string) *turn {
	if r.Header.Get(ProbeHeader) != "" {
		return nil
	}
	return w.pick(on, msg, prompt)
}

// load returns when the model is loaded. It answers and returns false when there is no such model; it
// returns false without an answer when the caller is gone.
func (w *worker) load(ctx context.Context, rw http.ResponseWriter, base Script, model string) bool {
	if model == "" {
		model = w.model(base)
	}
	if len(base.Models) > 0 && !slices.Contains(base.Models, model) {
		w.answer(rw, http.StatusInternalServerError, map[string]string{"error": "RuntimeError", "detail": "Unknown checkpoint: " + model})
		return false
	}
	return w.models.use(ctx, model, base.load(), base.Keep) == nil
}

// model is the one that a job uses which names none.
func (w *worker) model(base Script) string {
	if name := w.models.current(); name != "" {
		return name
	}
	if len(base.Models) > 0 {
		return base.Models[0]
	}
	return defaultModel
}

func (w *worker) result(msg string, j job) result {
	info, err := json.Marshal(map[string]any{"prompt": j.Prompt, "seed": j.Seed, "steps": j.Steps, "width": j.Width, "height": j.Height, "sd_model_name": w.models.current()})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return result{Images: [][]byte{w.image.labelled(j.Prompt + "\n" + RequestID + ": " + msg)}, Parameters: j.raw, Info: string(info)}
}

func (w *worker) listModels(rw http.ResponseWriter, _ *http.Request) {
	base, _ := w.now()
	names := base.Models
	if len(names) == 0 {
		names = []string{w.model(base)}
	}
	list := make([]map[string]any, len(names))
	for i, name := range names {
		list[i] = map[string]any{"title": name, "model_name": name, "hash": nil, "sha256": nil, "filename": "/models/" + name, "config": nil}
	}
	w.answer(rw, http.StatusOK, list)
}

func (w *worker) options(rw http.ResponseWriter, _ *http.Request) {
	base, _ := w.now()
	w.answer(rw, http.StatusOK, settings{Model: w.model(base)})
}

// setOptions loads a model ahead of the jobs that need it.
func (w *worker) setOptions(rw http.ResponseWriter, r *http.Request) {
	var s settings
	if err := readJSON(r, &s, nil); err != nil {
		w.answer(rw, http.StatusUnprocessableEntity, detail(err.Error()))
		return
	}
	ctx, cancel := w.during(r)
	defer cancel()
	base, _ := w.now()
	if s.Model != "" && !w.load(ctx, rw, base, s.Model) {
		return
	}
	w.answer(rw, http.StatusOK, nil)
}

func (w *worker) memory(rw http.ResponseWriter, _ *http.Request) {
	const gib = 1 << 30
	w.answer(rw, http.StatusOK, map[string]any{
		"ram":  map[string]int{"free": 10 * gib, "used": 6 * gib, "total": 16 * gib},
		"cuda": map[string]any{"system": map[string]int{"free": 8 * gib, "used": 4 * gib, "total": 12 * gib}},
	})
}

func (w *worker) ping(rw http.ResponseWriter, r *http.Request) {
	ctx, cancel := w.during(r)
	defer cancel()
	if t := w.pickFor(r, OnPing, "", ""); t != nil && !w.act(ctx, rw, t, "", job{}) {
		return
	}
	w.answer(rw, http.StatusOK, struct{}{})
}

// during is the context of a request: it ends with the caller or the process.
func (w *worker) during(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(w.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

func (w *worker) answer(rw http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err) // only this package's own types come here
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	if _, err := rw.Write(data); err != nil {
		w.log.Debug("the caller had gone", "error", err)
	}
}

func detail(text string) map[string]string { return map[string]string{"detail": text} }

// readJSON reads the whole body, so that the server notices when the caller goes.
func readJSON(r *http.Request, v any, raw *json.RawMessage) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	if len(data) > maxRequest {
		return fmt.Errorf("body of more than %d bytes", maxRequest)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("JSON decode error: %w", err)
	}
	if raw != nil {
		*raw = data
	}
	return nil
}
