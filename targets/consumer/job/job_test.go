package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ai"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/report"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id, body string
		headers  amqp.Table
		attempts int
		wrong    string
	}{
		"good":                {"m1", `{"prompt":"a cat","steps":3}`, nil, 0, ""},
		"attempts":            {"m1", `{"prompt":"a"}`, amqp.Table{"x-attempts": int64(3)}, 3, ""},
		"attempts of 32 bit":  {"m1", `{"prompt":"a"}`, amqp.Table{"x-attempts": int32(3)}, 3, ""},
		"negative attempts":   {"m1", `{"prompt":"a"}`, amqp.Table{"x-attempts": int64(-3)}, 0, ""},
		"attempts of letters": {"m1", `{"prompt":"a"}`, amqp.Table{"x-attempts": "many"}, 0, ""},
		"no id":               {"", `{"prompt":"a"}`, nil, 0, "no message-id"},
		"no JSON":             {"m1", `prompt`, nil, 0, "not a JSON object"},
		"a list":              {"m1", `[]`, nil, 0, "not a JSON object"},
		"no prompt":           {"m1", `{}`, nil, 0, "no prompt"},
		"empty prompt":        {"m1", `{"prompt":""}`, nil, 0, "no prompt"},
		"null":                {"m1", `null`, nil, 0, "no prompt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, err := job.Decode(&amqp.Delivery{MessageId: c.id, Body: []byte(c.body), Headers: c.headers})
			if c.wrong != "" {
				require.ErrorIs(t, err, job.ErrMalformed)
				require.ErrorContains(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			require.Equal(t, job.Job{ID: c.id, Request: []byte(c.body), Attempts: c.attempts}, j)
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("m1", []byte(`{"prompt":"a cat"}`))
	f.Add("", []byte(`{"prompt":1}`))
	f.Add("m2", []byte("\x00[{"))
	f.Fuzz(func(t *testing.T, id string, body []byte) {
		j, err := job.Decode(&amqp.Delivery{MessageId: id, Body: body})
		if err != nil {
			require.ErrorIs(t, err, job.ErrMalformed)
			return
		}
		require.NotEmpty(t, j.ID)
		require.Contains(t, strings.ToLower(string(j.Request)), "{")
	})
}

func TestJudge(t *testing.T) {
	t.Parallel()
	judge := job.Judge(5)
	for name, c := range map[string]struct {
		attempts int
		err      error
		want     job.Fate
	}{
		"first failure":           {0, ai.ErrNoImage, job.Again},
		"last but one":            {3, ai.ErrNoImage, job.Again},
		"last":                    {4, ai.ErrNoImage, job.Bury},
		"beyond":                  {9, ai.ErrNoImage, job.Bury},
		"malformed":               {0, fmt.Errorf("x: %w", job.ErrMalformed), job.Bury},
		"AI process down":         {0, errors.Join(job.ErrDown, ai.ErrNoAnswer), job.HandBack},
		"down at the last":        {4, errors.Join(job.ErrDown, ai.ErrNoAnswer), job.HandBack},
		"told to stop":            {4, errors.Join(context.Canceled, ai.ErrNoAnswer), job.HandBack},
		"too late is no stop":     {0, errors.Join(context.DeadlineExceeded, ai.ErrNoAnswer), job.Again},
		"API server down":         {4, fmt.Errorf("x: %w", report.ErrDown), job.Later},
		"kills it":                {0, job.ErrDeadly, job.Bury},
		"AI process answered 500": {0, &ai.StatusError{Status: 500}, job.Again},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, judge(job.Job{Attempts: c.attempts}, c.err))
		})
	}
}

// The ledger agrees with a plain model of what was finished, the last ones only.
func TestLedger(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(0, 5).Draw(rt, "size")
		l := job.NewLedger(size)
		var done []string
		for range rapid.IntRange(0, 40).Draw(rt, "jobs") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}).Draw(rt, "id")
			known := false
			for _, d := range done {
				known = known || d == id
			}
			mine, err := l.Begin(context.Background(), id)
			if err != nil || mine == known {
				rt.Fatalf("Begin(%s) = %v, %v with %v finished", id, mine, err, done)
			}
			if !mine {
				continue
			}
			ok := rapid.Bool().Draw(rt, "ok")
			l.End(id, ok)
			if ok {
				done = append(done, id)
				done = done[max(0, len(done)-size):]
			}
		}
	})
}

func TestLedgerMakesTheSecondWaitForTheFirst(t *testing.T) {
	t.Parallel()
	l := job.NewLedger(10)
	mine, err := l.Begin(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, mine)
	second := make(chan bool)
	go func() {
		mine, _ := l.Begin(context.Background(), "a")
		second <- mine
	}()
	l.End("a", true)
	require.False(t, <-second)

	_, err = l.Begin(t.Context(), "b")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.Begin(ctx, "b")
	require.ErrorIs(t, err, context.Canceled)
}

func TestSuspectsBlameOnlyAJobThatWasAlone(t *testing.T) {
	t.Parallel()
	s := job.NewSuspects(2)
	first, second := s.Enter("a"), s.Enter("b") // together
	require.False(t, first(job.Crashed))
	require.False(t, second(job.Crashed))
	require.False(t, s.Enter("b")(job.Survived), "b is innocent")
	require.False(t, s.Enter("a")(job.Untried), "it never got there: that proves nothing")
	require.False(t, s.Enter("a")(job.Crashed))
	require.False(t, s.Enter("a")(job.Untried))
	require.True(t, s.Enter("a")(job.Crashed), "a was alone twice")
	require.False(t, s.Enter("b")(job.Crashed), "and b starts with a clean record")

	var none *job.Suspects
	require.False(t, none.Enter("a")(job.Crashed))
}

// wire records what a delivery sends to the broker.
type wire struct {
	mu   sync.Mutex
	said []string
	fail error

	closed bool // the channel
}

func (w *wire) IsClosed() bool { return w.closed }

func (w *wire) say(what string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, what)
	return w.fail
}
func (w *wire) Ack(uint64, bool) error        { return w.say("ack") }
func (w *wire) Nack(uint64, bool, bool) error { return w.say("nack") }
func (w *wire) Reject(uint64, bool) error     { return w.say("reject") }

// errRefused is what a job meets when the AI process is down already.
var errRefused = fmt.Errorf("%w: %w: refused", ai.ErrNoAnswer, ai.ErrUnsent)

func TestHandle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		paint, ping, report, publish, ack error
		attempts                          int64
		cancelled, lost                   bool
		want                              []string
		outcome                           string
	}{
		"good":                   {want: []string{"paint", "report", "ack"}, outcome: job.Done},
		"ack fails":              {ack: amqp.ErrClosed, want: []string{"paint", "report", "ack"}, outcome: job.Unacked},
		"bad image":              {paint: ai.ErrNoImage, want: []string{"paint", "publish retry 1", "ack"}, outcome: job.Retried},
		"bad for the last time":  {paint: ai.ErrNoImage, attempts: 4, want: []string{"paint", "publish dead 5", "ack"}, outcome: job.Dead},
		"report fails":           {report: errors.New("503"), want: []string{"paint", "report", "publish retry 1", "ack"}, outcome: job.Retried},
		"AI process down":        {paint: errRefused, ping: errRefused, attempts: 4, want: []string{"paint", "nack"}, outcome: job.HandedBack},
		"cut, but it is up":      {paint: ai.ErrNoAnswer, want: []string{"paint", "publish retry 1", "ack"}, outcome: job.Retried},
		"told to stop":           {paint: context.Canceled, cancelled: true, want: []string{"paint", "nack"}, outcome: job.HandedBack},
		"told to stop, reported": {report: errors.New("503"), cancelled: true, attempts: 4, want: []string{"paint", "report", "nack"}, outcome: job.HandedBack},
		"failed, channel gone":   {paint: ai.ErrNoImage, lost: true, ack: amqp.ErrClosed, want: []string{"paint", "nack"}, outcome: job.HandedBack},
		"good, channel gone":     {lost: true, ack: amqp.ErrClosed, want: []string{"paint", "report", "ack"}, outcome: job.Unacked},
		"copy not confirmed":     {paint: ai.ErrNoImage, publish: errors.New("nack"), want: []string{"paint", "publish retry 1", "nack"}, outcome: job.HandedBack},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := &wire{}
			log := func(what string, err error) error { _ = said.say(what); return err }
			w := &job.Worker{
				Paint: func(context.Context, string, []byte) (ai.Image, error) {
					return ai.Image{Format: "png"}, log("paint", c.paint)
				},
				Ping: func(context.Context) error { return c.ping },
				Report: func(_ context.Context, id, key, contentType string, _ []byte) error {
					require.Equal(t, "m1 m1 image/png", id+" "+key+" "+contentType)
					return log("report", c.report)
				},
				Publish: func(_ context.Context, queue string, m amqp.Publishing) error {
					require.Equal(t, "m1", m.MessageId)
					require.Equal(t, queue == "retry", m.Expiration == "50")
					require.Equal(t, "kept", m.Headers["own"])
					require.NotEmpty(t, m.Headers["x-reason"])
					return log(fmt.Sprintf("publish %s %d", queue, m.Headers["x-attempts"]), c.publish)
				},
				Judge: job.Judge(5), Queues: queue.Topology{Jobs: "jobs", Retry: "retry", Dead: "dead"},
				Delay: 50 * time.Millisecond, Ledger: job.NewLedger(10),
			}
			var outcomes []string
			w.OnOutcome = func(outcome string, _ time.Duration) { outcomes = append(outcomes, outcome) }
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cancelled {
				cancel()
			}
			said.fail, said.closed = c.ack, c.lost
			d := queue.NewDelivery(amqp.Delivery{Acknowledger: said, DeliveryTag: 7, MessageId: "m1", Body: []byte(`{"prompt":"x"}`),
				Headers: amqp.Table{"x-attempts": c.attempts, "own": "kept"}}, nil)
			w.Handle(ctx, d)
			require.Equal(t, c.want, said.said)
			require.Equal(t, []string{c.outcome}, outcomes)
		})
	}
}

func TestFinishedJobThatComesAgainIsAckedWithoutWork(t *testing.T) {
	t.Parallel()
	painted := 0
	said := &wire{}
	w := &job.Worker{
		Paint:  func(context.Context, string, []byte) (ai.Image, error) { painted++; return ai.Image{}, nil },
		Report: func(context.Context, string, string, string, []byte) error { return nil },
		Ledger: job.NewLedger(10),
	}
	for tag := range uint64(3) {
		w.Handle(t.Context(), queue.NewDelivery(amqp.Delivery{Acknowledger: said, DeliveryTag: tag + 1, MessageId: "m1", Body: []byte(`{"prompt":"x"}`)}, nil))
	}
	require.Equal(t, 1, painted)
	require.Equal(t, []string{"ack", "ack", "ack"}, said.said)
}

// A job that cannot be put aside is not handed back at once: it would come again at once.
func TestJobThatTheBrokerRefusesRests(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ delay, stop, want time.Duration }{
		"for as long as it would have waited": {delay: 300 * time.Millisecond, stop: time.Hour, want: 300 * time.Millisecond},
		"for a second at most":                {delay: time.Hour, stop: time.Hour, want: time.Second},
		"until it is told to stop":            {delay: time.Hour, stop: 100 * time.Millisecond, want: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				said := &wire{}
				w := &job.Worker{
					Paint:   func(context.Context, string, []byte) (ai.Image, error) { return ai.Image{}, ai.ErrNoImage },
					Ping:    func(context.Context) error { return nil },
					Publish: func(context.Context, string, amqp.Publishing) error { return queue.ErrRefused },
					Judge:   job.Judge(5), Ledger: job.NewLedger(10), Delay: tt.delay,
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.stop)
				defer cancel()
				began := time.Now()
				w.Handle(ctx, queue.NewDelivery(amqp.Delivery{Acknowledger: said, DeliveryTag: 1, MessageId: "m1", Body: []byte(`{"prompt":"x"}`)}, nil))
				require.Equal(t, tt.want, time.Since(began))
				require.Equal(t, []string{"nack"}, said.said)
			})
		})
	}
}

// What a job has to do with the end of the AI process: one that was with it is suspected, and blamed when it was
// alone. One that found it down, or was broken off for another reason, is neither blamed nor cleared.
func TestWhoIsSuspected(t *testing.T) {
	t.Parallel()
	type attempt struct {
		err, broken error // broken: why it was broken off
	}
	crash, broken := attempt{err: ai.ErrNoAnswer}, fmt.Errorf("%w: %w", ai.ErrNoAnswer, context.Canceled)
	for name, c := range map[string]struct {
		attempts []attempt
		want     string
	}{
		"down twice, alone the second time":   {[]attempt{crash, crash}, job.Dead},
		"finds it down in between":            {[]attempt{crash, {err: errRefused}, crash}, job.Dead},
		"told to stop in between":             {[]attempt{crash, {broken, context.Canceled}, crash}, job.Dead},
		"broken off as it was down":           {[]attempt{{broken, job.ErrDown}, crash}, job.Dead},
		"broken off twice as it was down":     {[]attempt{{broken, job.ErrDown}, {broken, job.ErrDown}}, job.Dead},
		"broken off for another reason first": {[]attempt{{broken, context.Canceled}, crash}, job.HandedBack},
		"came too late first":                 {[]attempt{{err: errRefused}, crash}, job.HandedBack},
		"broken off before it was sent":       {[]attempt{{errRefused, job.ErrDown}, crash}, job.HandedBack},
		"an answer in between":                {[]attempt{crash, {err: ai.ErrNoImage}, crash}, job.HandedBack},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var outcome string
			var now attempt
			w := &job.Worker{
				Paint:     func(context.Context, string, []byte) (ai.Image, error) { return ai.Image{}, now.err },
				Ping:      func(context.Context) error { return errRefused },
				Publish:   func(context.Context, string, amqp.Publishing) error { return nil },
				OnOutcome: func(o string, _ time.Duration) { outcome = o },
				Judge:     job.Judge(5), Ledger: job.NewLedger(10), Crashes: job.NewSuspects(1),
			}
			for _, now = range c.attempts {
				ctx, cancel := context.WithCancelCause(t.Context())
				if now.broken != nil {
					cancel(now.broken)
				}
				w.Handle(ctx, queue.NewDelivery(amqp.Delivery{Acknowledger: &wire{}, DeliveryTag: 1, MessageId: "m1", Body: []byte(`{"prompt":"x"}`)}, nil))
				cancel(nil)
			}
			require.Equal(t, c.want, outcome)
		})
	}
}
