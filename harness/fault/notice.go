package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/metadata"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// The shortest notice that the protocol's whole seconds can tell, and the longest that a heal can wait for.
const (
	noticeMin = time.Second
	noticeMax = 8 * time.Second
)

var noticeKind = Kind{
	Name: "notice",
	Doc:  "announces that a spot instance is taken away, and takes it away",
	Does: `The instance metadata has a notice with the time of the end, and at that time the process is killed unless it has
ended. In effect once the target was given the notice. Healed, which waits for the end, the notice is withdrawn and a
fresh instance is started; gone once that one has settled a delivery.`,
	Correct: `Takes no more messages, finishes or hands back what it has, and ends with 0 before the announced time; another
instance goes on.`,
	Needs: "A target that reads the notice from {metadata}.",
	New:   func() Fault { return &Notice{In: script.Duration(2 * time.Second)} },
}

// Notice gives one instance the notice of a spot instance, and ends it at the announced time.
type Notice struct {
	In       script.Duration `json:"in" doc:"from now to the end, 1s to 8s, rounded up to the whole second that the notice tells; default 2s (real: 2 minutes)"`
	Instance int             `json:"instance" doc:"which of the target's, from 0"`
	Holding  int             `json:"holding" doc:"announce it once the instance holds so many deliveries that came since and are not settled; default 0: at once"`
}

// Inject implements Fault.
func (f *Notice) Inject(ctx context.Context, lab Lab) (Injected, error) {
	in := time.Duration(f.In)
	if in < noticeMin || in > noticeMax {
		return Injected{}, fmt.Errorf("in: %v, want %v to %v", in, noticeMin, noticeMax)
	}
	target, err := instance(lab, f.Instance)
	if err != nil {
		return Injected{}, err
	}
	release, err := lab.Claim(processOf(target))
	if err != nil {
		return Injected{}, err
	}
	if err := f.await(ctx, lab, target.Name()); err != nil {
		release()
		return Injected{}, err
	}
	service := lab.Metadata()[f.Instance]
	notice := service.Announce(in)
	ending, err := target.ExpectExit("the notice of a spot instance", time.Until(notice.At()))
	if err != nil {
		service.Withdraw()
		release()
		return Injected{}, err
	}
	over := make(chan struct{}) // closed when the process has ended
	var killed error
	go func() {
		defer close(over)
		killed = endBy(context.WithoutCancel(ctx), target, ending, notice.At())
	}()
	return Injected{
		InEffect: func(ctx context.Context) (string, error) {
			return f.given(ctx, target.Name(), notice, over)
		},
		Heal: func(ctx context.Context) error {
			if err := closed(ctx, over); err != nil {
				return fmt.Errorf("waiting until %s is taken away: %w", target.Name(), err)
			}
			service.Withdraw()
			if err := errors.Join(killed, target.Start(ctx)); err != nil {
				return err
			}
			release()
			return nil
		},
		Gone: func(ctx context.Context) (string, error) {
			return settlesAgain(ctx, lab, target)
		},
	}, nil
}

// await waits until the instance holds what it is to hold.
func (f *Notice) await(ctx context.Context, lab Lab, name string) error {
	if f.Holding < 0 || f.Holding > 65535 {
		return fmt.Errorf("holding: %d, want 0 to 65535", f.Holding)
	}
	if f.Holding == 0 {
		return nil
	}
	h := follow(lab, name)
	defer h.close()
	_, err := h.full(ctx, name, f.Holding)
	return err
}

// endBy waits for the end of the process, and kills it when its time has come.
func endBy(ctx context.Context, target Target, ending Ending, at time.Time) error {
	inTime, cancel := context.WithDeadline(ctx, at)
	defer cancel()
	if _, err := ending.Await(inTime); err == nil {
		return nil
	}
	ctx, cancel = context.WithTimeout(ctx, healLimit)
	defer cancel()
	if err := target.Kill(ctx); err != nil {
		return fmt.Errorf("take %s away: %w", target.Name(), err)
	}
	return nil
}

// given waits until the target was given the notice. One that was taken away without it never asked.
func (f *Notice) given(ctx context.Context, name string, notice *metadata.Notice, over <-chan struct{}) (string, error) {
	told := fmt.Sprintf("%s was given the notice of its end in %v", name, time.Duration(f.In))
	select {
	case <-notice.Read():
		return told, nil
	case <-over:
	case <-ctx.Done():
	}
	select {
	case <-notice.Read():
		return told, nil
	default:
		return "", fmt.Errorf("%s never asked for the notice: %w", name, errors.Join(context.Cause(ctx), errUnasked))
	}
}

var errUnasked = errors.New("it was taken away without")
