package aiworker

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/control"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

func TestAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Models: []string{"sd15", "sdxl"}})
	r.start()
	image := r.job("m1").image(t)
	decoded, err := png.Decode(bytes.NewReader(image))
	require.NoError(t, err)
	require.Equal(t, 16, decoded.Bounds().Dx())
	require.Contains(t, string(image), "a cat for m1\nX-Request-Id: m1")
	require.NotEqual(t, image, r.job("m2").image(t))

	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/internal/ping", "", 200, `{}`},
		{"GET", "/sdapi/v1/sd-models", "", 200, `"title":"sdxl"`},
		{"GET", "/sdapi/v1/options", "", 200, `{"sd_model_checkpoint":"sd15"}`},
		{"POST", "/sdapi/v1/options", `{"sd_model_checkpoint":"sdxl","other":1}`, 200, `null`},
		{"GET", "/sdapi/v1/options", "", 200, `{"sd_model_checkpoint":"sdxl"}`},
		{"POST", "/sdapi/v1/options", `{"sd_model_checkpoint":"sd99"}`, 500, `Unknown checkpoint: sd99`},
		{"POST", "/sdapi/v1/options", `{`, 422, `JSON decode error`},
		{"GET", "/sdapi/v1/memory", "", 200, `"cuda"`},
		{"POST", "/sdapi/v1/txt2img", `{"prompt":"x","override_settings":{"sd_model_checkpoint":"sd15","eta":1}}`, 200, `"sd_model_name\":\"sd15\"`},
		{"POST", "/sdapi/v1/txt2img", `{"prompt":"x","override_settings":{"sd_model_checkpoint":"sd99"}}`, 500, `Unknown checkpoint`},
		{"POST", "/sdapi/v1/txt2img", `{"prompt":7}`, 422, `prompt`},
		{"POST", "/sdapi/v1/txt2img", `nonsense`, 422, `JSON decode error`},
		{"GET", "/sdapi/v1/txt2img", "", 404, `Not Found`},
		{"GET", "/", "", 404, `{"detail":"Not Found"}`},
	} {
		got := r.ask(t.Context(), c.method, c.path, "", c.body)
		require.NoError(t, got.err, c.path)
		require.Equal(t, c.status, got.status, "%s %s: %s", c.path, c.body, got.body)
		require.Contains(t, got.body, c.want, "%s %s", c.path, c.body)
	}
}

func TestRulesOnRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		rule  Rule
		code  int
		check func(*testing.T, reply)
	}{
		{"fail", Rule{Do: Fail}, 500, func(t *testing.T, a reply) { require.Equal(t, 500, a.status) }},
		{"fail with 503", Rule{Do: Fail, Status: 503}, 503, func(t *testing.T, a reply) { require.Equal(t, 503, a.status) }},
		{"by prompt", Rule{Do: Fail, Match: "cat for m1"}, 500, func(t *testing.T, a reply) { require.Equal(t, 500, a.status) }},
		{"cut", Rule{Do: Cut}, 0, func(t *testing.T, a reply) {
			require.Equal(t, 200, a.status)
			require.ErrorIs(t, a.err, io.ErrUnexpectedEOF)
			require.NotEmpty(t, a.body)
		}},
		{"truncate", Rule{Do: Truncate}, 200, func(t *testing.T, a reply) {
			require.NoError(t, a.err)
			require.Equal(t, 200, a.status)
			require.False(t, json.Valid([]byte(a.body)))
		}},
		{"garbage", Rule{Do: Garbage}, 200, func(t *testing.T, a reply) {
			_, err := png.Decode(bytes.NewReader(a.image(t)))
			require.Error(t, err)
		}},
		{"slow", Rule{Do: Slow, Delay: script.Duration(time.Millisecond)}, 0, func(t *testing.T, a reply) { a.image(t) }},
		{"slower", Rule{Do: Slow, Factor: 1.5}, 0, func(t *testing.T, a reply) { a.image(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.rule.Match == "" {
				c.rule.Match = "m1"
			}
			c.rule.Times = 2
			r := newRig(t, Script{Rules: []Rule{{Do: Fail, Match: "nobody"}, c.rule}})
			p := r.start()
			r.job("other").image(t)
			for range 2 {
				c.check(t, r.job("m1"))
				e := r.event()
				require.NotEmpty(t, e.Text)
				e.Text = ""
				require.Equal(t, Event{Pid: p.cmd.Process.Pid, Rule: 1, Do: c.rule.Do, Msg: "m1", Code: c.code}, e)
			}
			r.job("m1").image(t)
			require.Empty(t, r.events, "fails twice, then succeeds")
		})
	}
}

// No rule acts on a probe, nor counts it.
func TestProbesPassByTheRules(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Rules: []Rule{
		{Do: Fail, Turn: script.Turn{Nth: 2, Times: 1}},
		{On: OnPing, Do: Fail, Turn: script.Turn{Times: 1}},
	}})
	r.start()
	probe := func(method, path, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.addr+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set(ProbeHeader, "1")
		res, err := r.client.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	for range 3 {
		require.Equal(t, 200, probe("POST", "/sdapi/v1/txt2img", `{"prompt":"a cat"}`))
		require.Equal(t, 200, probe("GET", "/internal/ping", ""))
	}
	require.Empty(t, r.events)
	r.job("m1").image(t)
	require.Equal(t, 500, r.job("m2").status, "the second that counts")
	require.Equal(t, 500, r.ask(t.Context(), "GET", "/internal/ping", "", "").status)
}

func TestPingRules(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Rules: []Rule{{On: OnPing, Do: Fail, Status: 503, Turn: script.Turn{Times: 1}}}})
	r.start()
	r.job("m1").image(t)
	require.Equal(t, 503, r.ask(t.Context(), "GET", "/internal/ping", "", "").status)
	require.Equal(t, 200, r.ask(t.Context(), "GET", "/internal/ping", "", "").status)
}

func TestHang(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{})
	r.start()
	a, err := r.Add(t.Context(), Rule{Do: Hang, Match: "m1"})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-a.Hit(); cancel() }()
	got := r.ask(ctx, "POST", "/sdapi/v1/txt2img", "m1", `{}`)
	require.ErrorIs(t, got.err, context.Canceled, "its caller goes")

	r.event()
	done := r.later(func() reply { return r.job("m1") })
	require.Equal(t, "m1", r.event().Msg)
	r.job("m2").image(t)
	require.Equal(t, 2, a.Hits())
	require.NoError(t, a.Remove(t.Context()))
	(<-done).image(t) // its rule goes
}

// What hangs holds its slot: with all slots taken the others queue, and go on afterwards.
func TestJobsQueueForASlot(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Warm: script.Duration(time.Microsecond), Concurrency: 2, Rules: []Rule{{Do: Hang, Match: "stuck"}}})
	r.start()
	stuck := []chan reply{r.later(func() reply { return r.job("stuck1") }), r.later(func() reply { return r.job("stuck2") })}
	r.event()
	r.event()
	queued := r.later(func() reply { return r.job("m1") })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	got := r.ask(ctx, "POST", "/sdapi/v1/txt2img", "m2", `{}`)
	require.ErrorIs(t, got.err, context.DeadlineExceeded)
	require.Empty(t, queued)
	require.NoError(t, r.Push(t.Context(), Script{Concurrency: 2}))
	for _, done := range append(stuck, queued) {
		(<-done).image(t)
	}
}

// Turns are counted over restarts: the second process does not die of the first one's message.
func TestOutOfMemoryOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Rules: []Rule{{Do: OOM, Turn: script.Turn{Nth: 3, Times: 1}}}})
	p := r.start()
	r.job("m1").image(t)
	p.kill()
	p = r.start()
	r.job("m2").image(t)
	require.Error(t, r.job("m3").err)
	require.True(t, p.status().Signaled())
	require.Equal(t, syscall.SIGKILL, p.status().Signal())
	e := r.event()
	require.Equal(t, Event{Pid: p.cmd.Process.Pid, Do: OOM, Msg: "m3", Code: 137, Text: e.Text}, e)
	require.ErrorIs(t, r.job("m3").err, syscall.ECONNREFUSED)
	r.start()
	r.job("m3").image(t)
	require.Empty(t, r.events)
}

func TestRulesOnBoot(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{Rules: []Rule{
		{On: OnBoot, Do: Refuse, Turn: script.Turn{Times: 2}},
		{On: OnBoot, Do: OOM, Turn: script.Turn{Times: 1}},
		{On: OnBoot, Do: SlowBoot, Delay: script.Duration(time.Millisecond), Turn: script.Turn{Times: 1}},
	}})
	for range 2 {
		p := r.boot()
		require.Equal(t, 1, p.status().ExitStatus())
		require.Contains(t, p.stderr.String(), ErrRefused.Error())
		require.Equal(t, Event{Pid: p.cmd.Process.Pid, Do: Refuse, Code: 1, Text: "refuses to boot"}, r.event())
	}
	p := r.boot()
	require.Equal(t, syscall.SIGKILL, p.status().Signal())
	require.Equal(t, 1, r.event().Rule)
	p = r.start()
	require.Equal(t, SlowBoot, r.event().Do)
	p.kill()
	r.start()
	require.Empty(t, r.events)
}

func TestBootThatHangsEndsWithItsRule(t *testing.T) {
	t.Parallel()
	for _, rule := range []Rule{{On: OnBoot, Do: Hang}, {On: OnBoot, Do: SlowBoot, Delay: script.Duration(10 * time.Minute)}} {
		r := newRig(t, Script{Rules: []Rule{rule}})
		r.boot()
		r.event()
		require.ErrorIs(t, r.job("m1").err, syscall.ECONNREFUSED)
		require.NoError(t, r.Push(t.Context(), Script{}))
		_, err := r.AwaitReady(t.Context())
		require.NoError(t, err)
		r.job("m1").image(t)
	}
}

func TestWorkerEndsWithTheLab(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]Rule{
		"serving":         {Do: Fail, Match: "nobody"},
		"hanging":         {Do: Hang},
		"slow":            {Do: Slow, Delay: script.Duration(10 * time.Minute)},
		"hanging at boot": {On: OnBoot, Do: Hang},
		"booting slowly":  {On: OnBoot, Do: SlowBoot, Delay: script.Duration(10 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Script{Rules: []Rule{rule}})
			var p *worker1
			if rule.On == OnBoot {
				p = r.boot()
				r.event()
			} else {
				p = r.start()
				done := r.later(func() reply { return r.job("m1") })
				if rule.Match == "" {
					r.event()
				}
				defer func() { <-done }()
			}
			require.NoError(t, r.server.Close())
			require.Equal(t, 3, p.status().ExitStatus(), p.stderr.String())
			require.Contains(t, p.stderr.String(), control.ErrLabGone.Error())
		})
	}
}

func TestSecondWorkerIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{})
	r.start()
	second := r.boot()
	require.Equal(t, 1, second.status().ExitStatus())
	require.Contains(t, second.stderr.String(), "another AI worker is still connected")
	r.job("m1").image(t)
}

func TestBusyPort(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{})
	r.start()
	other := newRig(t, Script{})
	other.addr = r.addr
	p := other.boot()
	require.Equal(t, 1, p.status().ExitStatus())
	require.Contains(t, p.stderr.String(), "address already in use")
}

func TestNoLab(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Options{Socket: "/no/such/socket"})
	require.ErrorContains(t, err, "still running?")
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newRig(t, Script{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, Options{Socket: r.server.Path()}) }()
	addr, err := r.AwaitReady(t.Context())
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(addr, "127.0.0.1:"))
	cancel()
	require.NoError(t, <-done)
}
