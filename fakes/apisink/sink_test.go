package apisink

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	encode "image/png"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// net/http lingers for half a second on a connection whose body was too large.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// png is a whole image.
var png = func() string {
	var b strings.Builder
	if err := encode.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		panic(err)
	}
	return b.String()
}()

// rig is a sink, a client of it and what the sink told.
type rig struct {
	*Sink
	client *http.Client

	mu   sync.Mutex
	told []Effect
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	s, err := Listen(context.Background(), Config{OnEffect: func(e Effect) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told = append(r.told, e)
	}})
	require.NoError(t, err)
	r.Sink = s
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		require.NoError(t, s.Close())
	})
	return r
}

func (r *rig) put(job, key string) (int, error) {
	return r.do(context.Background(), http.MethodPut, "/images/"+job, key, png)
}

func (r *rig) do(ctx context.Context, method, path, key, body string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.URL()+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

func (r *rig) effects() []Effect {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

func TestFirstIsAnEffectAgainIsAReplay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i, c := range []struct {
		job, key string
		want     int
	}{
		{"m1", "m1", 201}, {"m1", "m1", 200}, {"m1", "m1", 200}, // keyed by the message id
		{"m2", "k2", 201}, {"m2", "k2", 200}, {"m2", "k3", 201}, // another key is another effect
		{"m3", "", 201}, {"m3", "", 201}, // without a key nothing is known again
		{"k2", "k9", 201}, {"m9", "m1", 200}, // keys and jobs are different names
	} {
		status, err := r.put(c.job, c.key)
		require.NoError(t, err)
		require.Equal(t, c.want, status, "request %d", i)
		e := r.effects()[i]
		require.Equal(t, Effect{Job: c.job, Key: c.key, Status: c.want, Replay: c.want == 200}, e)
	}
	require.Equal(t, Counts{Requests: 10, Effects: 6, Replays: 4}, r.Counts())
	for job, want := range map[string]int{"m1": 1, "m2": 2, "m3": 2, "k2": 1, "m9": 0, "never": 0} {
		require.Equal(t, want, r.Effects(job), job)
	}
}

// labelled is a PNG that says whose it is, as the AI process's do.
func labelled(job string) string {
	data := "tEXtparameters\x00a cat\nX-Request-Id: " + job
	var size, sum [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(data)-4))
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(data)))
	const header = 8 + 4 + 4 + 13 + 4
	return png[:header] + string(size[:]) + data + string(sum[:]) + png[header:]
}

func TestWhatIsNoResultIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []struct {
		name, method, path, body string
		want                     int
		told                     bool
	}{
		{"an image", "PUT", "/images/m1", png, 201, true},
		{"by POST", "POST", "/images/m2", png, 201, true},
		{"JSON", "PUT", "/images/m3", ` {"image":"…"}`, 201, true},
		{"the AI's own answer", "PUT", "/images/m3", `{"images":["` + base64.StdEncoding.EncodeToString([]byte(png)) + `"],"info":"{}"}`, 201, true},
		{"an answer without an image in it", "PUT", "/images/m13", `{"images":["` + base64.StdEncoding.EncodeToString([]byte("none")) + `"],"info":"{}"}`, 422, true},
		{"a failure", "PUT", "/images/m13", `{"error":"OutOfMemoryError"}`, 422, true},
		{"no failure", "PUT", "/images/m3", `{"error":null,"url":"…"}`, 201, true},
		{"a labelled image", "PUT", "/images/m3", labelled("m3"), 201, true},
		{"another job's image", "PUT", "/images/m13", labelled("m3"), 422, true},
		{"a label of nobody", "PUT", "/images/m3", labelled(""), 201, true},
		{"large", "PUT", "/images/m4", png + strings.Repeat("x", 100_000), 201, true},
		{"empty", "PUT", "/images/m5", "", 400, true},
		{"text", "PUT", "/images/m6", "this is no image", 422, true},
		{"begins as an image", "PUT", "/images/m8", png[:20], 422, true},
		{"half an image", "PUT", "/images/m9", png[:len(png)/2], 422, true},
		{"huge image", "PUT", "/images/m10", png[:16] + "\xff\xff\xff\xff" + png[20:], 422, true},
		{"half a JSON", "PUT", "/images/m11", `{"image":`, 422, true},
		{"image of another format", "PUT", "/images/m12", "RIFF\x00\x00\x00\x00WEBPVP8 ", 201, true},
		{"too large", "PUT", "/images/m7", png + strings.Repeat("x", maxBody), 413, true},
		{"no job", "PUT", "/images/", png, 404, false},
		{"other path", "PUT", "/image/m1", png, 404, false},
		{"deeper path", "PUT", "/images/m1/x", png, 404, false},
		{"GET", "GET", "/images/m1", "", 405, false},
	} {
		before := len(r.effects())
		status, err := r.do(t.Context(), c.method, c.path, "", c.body)
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, status, c.name)
		if told := r.effects()[before:]; c.told {
			require.Len(t, told, 1, c.name)
			require.Equal(t, status, told[0].Status, c.name)
			require.Equal(t, status >= 400, told[0].Refused, c.name)
			require.Equal(t, status == 422, told[0].Broken, c.name)
		} else {
			require.Empty(t, told, c.name)
		}
	}
	require.Equal(t, Counts{Requests: 19, Effects: 9, Refused: 10}, r.Counts())
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule    Rule
		status  int
		err     error
		effect  Effect
		effects int // that the job has had afterwards
	}{
		{Rule{Do: Pass}, 201, nil, Effect{Status: 201}, 1},
		{Rule{Do: Slow, Delay: script.Duration(time.Millisecond)}, 201, nil, Effect{Status: 201}, 1},
		{Rule{Do: Fail}, 500, nil, Effect{Status: 500, Refused: true}, 0},
		{Rule{Do: Fail, Status: 503}, 503, nil, Effect{Status: 503, Refused: true}, 0},
		{Rule{Do: AcceptFail}, 500, nil, Effect{Status: 500, Refused: true, Accepted: true}, 1},
		{Rule{Do: AcceptFail, Status: 502}, 502, nil, Effect{Status: 502, Refused: true, Accepted: true}, 1},
		{Rule{Do: Cut}, 0, syscall.ECONNRESET, Effect{Refused: true}, 0},
		{Rule{Do: AcceptCut}, 0, syscall.ECONNRESET, Effect{Refused: true, Accepted: true}, 1},
	} {
		t.Run(c.rule.Do, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.rule.Job, c.rule.Turn = "m1", script.Turn{Nth: 1, Times: 1}
			a, err := r.Add(c.rule)
			require.NoError(t, err)

			status, err := r.put("m0", "m0")
			require.NoError(t, err)
			require.Equal(t, 201, status, "another job")
			require.Zero(t, a.Hits())

			r.client.CloseIdleConnections() // on a used one, net/http itself would send the request again
			status, err = r.put("m1", "m1")
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.status, status)
			<-a.Hit()
			c.effect.Job, c.effect.Key = "m1", "m1"
			require.Equal(t, c.effect, r.effects()[1])
			require.Equal(t, c.effects, r.Effects("m1"))

			status, err = r.put("m1", "m1")
			require.NoError(t, err)
			require.Equal(t, 201-c.effects, status, "its turn is over: effect when there was none, else replay")
			require.Equal(t, 1, r.Effects("m1"))
			require.Equal(t, 1, a.Hits())
			require.NoError(t, a.Remove())
		})
	}
}

func TestAcceptThenFailOfAReplay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.put("m1", "m1")
	require.NoError(t, err)
	_, err = r.Add(Rule{Do: AcceptFail})
	require.NoError(t, err)
	status, err := r.put("m1", "m1")
	require.NoError(t, err)
	require.Equal(t, 500, status)
	require.Equal(t, Effect{Job: "m1", Key: "m1", Status: 500, Refused: true, Replay: true}, r.effects()[1])
	require.Equal(t, Counts{Requests: 2, Effects: 1, Replays: 1, Refused: 1}, r.Counts())
}

func TestHang(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, err := r.Add(Rule{Do: Hang})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-a.Hit(); cancel() }()
	_, err = r.do(ctx, http.MethodPut, "/images/m1", "m1", png)
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool { return r.Counts().Refused == 1 }, time.Minute, time.Millisecond)
	require.Zero(t, r.Effects("m1"), "its caller went: no effect")

	done := make(chan int)
	go func() {
		status, err := r.put("m2", "m2")
		if err != nil {
			t.Error(err)
		}
		done <- status
	}()
	require.Eventually(t, func() bool { return a.Hits() == 2 }, time.Minute, time.Millisecond)
	require.NoError(t, a.Remove())
	require.Equal(t, 201, <-done, "the rule went: accepted")
}

func TestSlowAcceptsThoughItsCallerWent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, err := r.Add(Rule{Do: Slow, Delay: script.Duration(20 * time.Millisecond)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-a.Hit(); cancel() }()
	_, err = r.do(ctx, http.MethodPut, "/images/m1", "m1", png)
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool { return r.Effects("m1") == 1 }, time.Minute, time.Millisecond)
}

func TestCloseEndsWhatHangs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, rule := range []Rule{{Do: Hang, Job: "m1"}, {Do: Slow, Delay: script.Duration(10 * time.Minute), Job: "m2"}} {
		a, err := r.Add(rule)
		require.NoError(t, err)
		done := make(chan error)
		go func() {
			_, err := r.put(rule.Job, "")
			done <- err
		}()
		<-a.Hit()
		defer func() { require.Error(t, <-done) }()
	}
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
}

func TestDown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	url := r.URL()
	for n := range 3 {
		status, err := r.put(fmt.Sprint("m", n), "")
		require.NoError(t, err)
		require.Equal(t, 201, status)
		a, err := r.Add(Rule{Do: Down})
		require.NoError(t, err)
		require.Equal(t, 1, a.Hits(), "the idle connection was reset")
		_, err = r.put("m9", "")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.NoError(t, a.Remove())
		require.NoError(t, a.Remove())
		require.Equal(t, url, r.URL())
	}
	require.Zero(t, r.Effects("m9"))
}

func TestReset(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, err := r.Add(Rule{Do: Reset, Turn: script.Turn{Times: 2}})
	require.NoError(t, err)
	for range 2 {
		_, err = r.do(t.Context(), http.MethodPost, "/images/m1", "", png)
		require.Error(t, err)
		require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF), "%v", err)
	}
	require.Equal(t, 2, a.Hits())
	status, err := r.put("m1", "")
	require.NoError(t, err)
	require.Equal(t, 201, status)
	require.Equal(t, 1, r.Counts().Requests)
}

func TestListenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Listen(ctx, Config{})
	require.NoError(t, err)
	_, err = Listen(ctx, Config{Addr: strings.TrimPrefix(s.URL(), "http://")})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	cancel()
	require.NoError(t, s.Close())
}

func TestRuleErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"do":"explode"}`:                      "cannot do",
		`{}`:                                    "cannot do",
		`{"do":"fail","code":500}`:              "code",
		`{"do":"fail","status":200}`:            "no error",
		`{"do":"cut","status":500}`:             "no status",
		`{"do":"slow"}`:                         "delay",
		`{"do":"slow","delay":"-1s"}`:           "out of range",
		`{"do":"fail","delay":"1s"}`:            "delay",
		`{"do":"down","job":"m1"}`:              "every job",
		`{"do":"down","times":1}`:               "no turns",
		`{"do":"fail","times":-1}`:              "negative",
		`{"do":"slow","delay":"1s","nth":-100}`: "negative",
	} {
		var r Rule
		require.ErrorContains(t, json.Unmarshal([]byte(in), &r), want, in)
	}
	_, err := newRig(t).Add(Rule{Do: "explode"})
	require.ErrorContains(t, err, "cannot do")
}

func TestRuleRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Rule{Do: rapid.SampledFrom(all).Draw(t, "do")}
		switch {
		case want.Do == Slow:
			want.Delay = script.Duration(rapid.Int64Range(1, int64(script.MaxDelay)).Draw(t, "delay"))
		case want.Do == Fail || want.Do == AcceptFail:
			want.Status = rapid.IntRange(400, 599).Draw(t, "status")
		}
		if !want.onPort() {
			want.Job = rapid.String().Draw(t, "job")
			want.Nth = rapid.IntRange(0, 9).Draw(t, "nth")
		}
		data, err := json.Marshal(want)
		require.NoError(t, err)
		var got Rule
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, want, got)
	})
}

// However many callers bring the same keys at once, each key has one effect.
func TestLedgerIsExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	l := newLedger()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				job := fmt.Sprint("m", i)
				l.accept(job, job)
				l.accept(job, "second key of "+job)
				l.accept(job, "")
			}
		})
	}
	wg.Wait()
	for i := range 2000 {
		require.Equal(t, 2+8, l.effectsOf(fmt.Sprint("m", i)))
	}
}

func BenchmarkServe(b *testing.B) {
	r := newRig(b)
	body := []byte(png)
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			req, err := http.NewRequest(http.MethodPut, r.URL()+"/images/m1", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("Idempotency-Key", "m1")
			res, err := r.client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
