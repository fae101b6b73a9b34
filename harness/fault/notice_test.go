package fault

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/metadata"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// spot is a bench with an instance metadata service and a process that ends when it is told to.
type spot struct {
	*bench
	service *metadata.Service
	process *spotProcess
}

type spotProcess struct {
	Target
	mu     sync.Mutex
	asked  time.Duration
	over   chan struct{}
	killed bool
	starts int
	fail   error // of what is asked of it
}

func newSpot(t *testing.T) *spot {
	t.Helper()
	service, err := metadata.Listen(context.WithoutCancel(t.Context()), metadata.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, service.Close()) })
	return &spot{newBench(t), service, &spotProcess{over: make(chan struct{})}}
}

func (s *spot) Metadata() []*metadata.Service { return []*metadata.Service{s.service} }
func (s *spot) Targets() []Target             { return []Target{s.process} }

// ask reads the notice as a target does, and gives the status.
func (s *spot) ask(t *testing.T) int {
	t.Helper()
	status, token := s.send(t, http.MethodPut, metadata.PathToken, metadata.HeaderTTL, "60")
	if status != http.StatusOK {
		return status
	}
	status, _ = s.send(t, http.MethodGet, metadata.PathAction, metadata.HeaderToken, token)
	return status
}

func (s *spot) send(t *testing.T, method, path, header, value string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.service.URL()+path, nil)
	require.NoError(t, err)
	req.Header.Set(header, value)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

func (*spotProcess) Name() string { return "consumer/0" }

func (p *spotProcess) ExpectExit(_ string, within time.Duration) (Ending, error) {
	p.asked = within
	return p, p.fail
}

func (p *spotProcess) Await(ctx context.Context) (int, error) {
	if err := closed(ctx, p.over); err != nil {
		return 0, err
	}
	return 0, nil
}

func (*spotProcess) Withdraw() {}

func (p *spotProcess) Kill(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	close(p.over)
	return nil
}

func (p *spotProcess) Start(context.Context) error {
	p.starts++
	return p.fail
}

func TestNotice(t *testing.T) {
	t.Parallel()
	b := newSpot(t)
	f := &Notice{In: script.Duration(8 * time.Second)}
	in, err := f.Inject(t.Context(), b)
	require.NoError(t, err)
	require.InDelta(t, 8.5, b.process.asked.Seconds(), 0.6, "the rest of a second is its own")
	_, err = f.Inject(t.Context(), b)
	require.ErrorContains(t, err, "claimed")
	_, err = in.InEffect(brief(t))
	require.ErrorContains(t, err, "never asked")
	require.Equal(t, http.StatusOK, b.ask(t))
	evidence, err := in.InEffect(t.Context())
	require.NoError(t, err)
	require.Equal(t, "consumer/0 was given the notice of its end in 8s", evidence)

	require.ErrorContains(t, in.Heal(brief(t)), "waiting until consumer/0 is taken away")
	close(b.process.over) // in time, by itself
	require.NoError(t, in.Heal(t.Context()))
	require.False(t, b.process.killed)
	require.Equal(t, 1, b.process.starts)
	require.Equal(t, http.StatusNotFound, b.ask(t), "withdrawn")

	_, err = in.Gone(brief(t))
	require.Error(t, err)
	gone := make(chan error, 1)
	go func() { _, err := in.Gone(t.Context()); gone <- err }()
	require.Eventually(t, func() bool {
		b.Record(&history.Event{Kind: history.Ack, Conn: 4})
		select {
		case err := <-gone:
			return err == nil
		default:
			return false
		}
	}, 5*time.Second, time.Millisecond)
}

// TestNoticeTakesAway wants a process that stays to be killed at the announced time, also when the run
// was cancelled, and one that never asked for the notice to be told from one that was given it.
func TestNoticeTakesAway(t *testing.T) {
	t.Parallel()
	b := newSpot(t)
	ctx, cancel := context.WithCancel(t.Context())
	in, err := (&Notice{In: script.Duration(time.Second)}).Inject(ctx, b)
	require.NoError(t, err)
	cancel()
	_, err = in.InEffect(t.Context())
	require.ErrorIs(t, err, errUnasked)
	require.NoError(t, in.Heal(t.Context()))
	require.True(t, b.process.killed)
	require.Equal(t, 1, b.process.starts)
}

func TestNoticeRefuses(t *testing.T) {
	t.Parallel()
	for says, f := range map[string]*Notice{
		"want 1s to 8s":          {In: script.Duration(time.Minute)},
		"holding: -1, want 0 to": {In: script.Duration(2 * time.Second), Holding: -1},
		"in: 0s":                 {},
		"instance: 1":            {In: script.Duration(2 * time.Second), Instance: 1},
	} {
		_, err := f.Inject(t.Context(), newSpot(t))
		require.ErrorContains(t, err, says)
	}
	b := newSpot(t)
	b.process.fail = errors.New("it does not run")
	_, err := (&Notice{In: script.Duration(2 * time.Second)}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "it does not run")
	require.Equal(t, http.StatusNotFound, b.ask(t), "nothing is left in place")
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	b := newSpot(t)
	in, err := (&Metadata{Rules: []metadata.Rule{
		{Do: metadata.Fail, On: metadata.OnToken, Turn: script.Turn{Times: 1}}, {Do: metadata.Garbage, On: metadata.OnNotice},
	}}).Inject(t.Context(), b)
	require.NoError(t, err)
	_, err = in.InEffect(brief(t))
	require.ErrorContains(t, err, "rule 0 of the instance metadata")
	require.Equal(t, http.StatusInternalServerError, b.ask(t))
	require.Equal(t, http.StatusOK, b.ask(t), "a page")
	_, err = in.InEffect(t.Context())
	require.NoError(t, err)
	require.NoError(t, in.Heal(t.Context()))
	require.NoError(t, in.Heal(t.Context()), "again")
	_, err = in.Gone(brief(t))
	require.ErrorContains(t, err, "right answer")
	gone := make(chan error, 1)
	go func() { _, err := in.Gone(t.Context()); gone <- err }()
	require.Eventually(t, func() bool {
		b.ask(t)
		select {
		case err := <-gone:
			return err == nil
		default:
			return false
		}
	}, 5*time.Second, time.Millisecond)

	_, err = (&Metadata{}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "rules: none")
	_, err = (&Metadata{Rules: []metadata.Rule{{Do: metadata.Cut}}, Instance: 3}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "instance: 3")
	_, err = (&Metadata{Rules: []metadata.Rule{{Do: metadata.Cut}, {Do: "explode"}}}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "explode")
	require.Equal(t, http.StatusNotFound, b.ask(t), "nothing is left in place")
}
