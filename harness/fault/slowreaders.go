package fault

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

var slowReadersKind = Kind{
	Name: "slowReaders",
	Args: []string{"path"},
	Of:   Requests,
	Doc:  "has clients ask for a large answer and read it slowly",
	Does: `Opens connections to the target, one each 10 ms, asks for a path on each, and reads so many bytes a second of each answer, with little
room in the client's own kernel. They are no part of the load, and what each of them had is recorded. In effect once each has an
answer's head with status 200, spent once each was cut or had all of it; healed, they hang up. Gone once a request of the
load's has a good answer after that.`,
	Correct: `Keeps a bounded amount of memory for each, lets neither its backends nor other clients wait for them, and cuts those who
take too little for too long.`,
	New: func() Fault { return &SlowReaders{Count: 100, Rate: 10_000} },
}

// SlowReaders are clients that read slowly.
type SlowReaders struct {
	Path  string `json:"path" doc:"of a large answer: it must not fit into the kernel's buffers"`
	Count int    `json:"count" doc:"how many, 1 to 1000; default 100"`
	Rate  int    `json:"rate" doc:"bytes a second that each reads, 10 to 1000000000; default 10000"`
}

const (
	maxReaders = 1000
	readerGap  = 10 * time.Millisecond  // from one to the next: what the kernels take of 200 answers at once would be a spike of its own
	readStep   = 100 * time.Millisecond // they read so often
	readRoom   = 4 << 10                // bytes that the kernel keeps for each, about
	headLimit  = 10 * time.Second       // for an answer's head
)

// Inject implements Fault.
func (f *SlowReaders) Inject(ctx context.Context, lab Lab) (Injected, error) {
	switch {
	case !strings.HasPrefix(f.Path, "/"):
		return Injected{}, fmt.Errorf("path: %q, want one that begins with /", f.Path)
	case f.Count < 1 || f.Count > maxReaders:
		return Injected{}, fmt.Errorf("count: %d, want 1 to %d", f.Count, maxReaders)
	case f.Rate < 10 || f.Rate > 1e9:
		return Injected{}, fmt.Errorf("rate: %d, want 10 to 1000000000 bytes a second", f.Rate)
	}
	reading, hangUp := context.WithCancelCause(ctx)
	a := &audience{SlowReaders: *f, lab: lab, fault: idOf(ctx), heads: make(chan error, f.Count), done: make(chan struct{})}
	var all sync.WaitGroup
	for n := range f.Count {
		all.Go(func() {
			if script.Wait(reading, time.Duration(n)*readerGap) == nil {
				a.read(reading)
			}
		})
	}
	go func() { all.Wait(); close(a.done) }()
	return Injected{
		InEffect: a.served,
		Spent:    func(ctx context.Context) error { return closed(ctx, a.done) },
		Heal: func(ctx context.Context) error {
			hangUp(errHungUp)
			return closed(ctx, a.done)
		},
		Gone: func(ctx context.Context) (string, error) {
			good := lab.Watch(func(e *history.Event) bool { return e.Kind == history.Answer && e.Flags.Has(history.Good) })
			defer good.Close()
			e, err := good.Next(ctx)
			if err != nil {
				return "", fmt.Errorf("waiting until a request of the load's has a good answer: %w", err)
			}
			return fmt.Sprintf("%s was answered with %d", e.Msg, e.Code), nil
		},
	}, nil
}

var errHungUp = errors.New("it hung up")

// audience is the readers of one fault.
type audience struct {
	SlowReaders
	lab   Lab
	fault int64
	heads chan error // of each, once: nil, or why it has no head
	done  chan struct{}
}

// served waits until each has an answer's head.
func (a *audience) served(ctx context.Context) (string, error) {
	for n := range a.Count {
		select {
		case err := <-a.heads:
			if err != nil {
				return "", fmt.Errorf("a slow reader of %s, the %d. of %d, has no answer to read: %w", a.Path, n+1, a.Count, err)
			}
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for the answers' heads, %d of %d are there: %w", n, a.Count, context.Cause(ctx))
		}
	}
	return fmt.Sprintf("%d clients read %d bytes a second each", a.Count, a.Rate), nil
}

// read is one reader's whole life.
func (a *audience) read(ctx context.Context) {
	conn, err := a.dial(ctx)
	if err != nil {
		a.heads <- err
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	body, size, err := a.ask(conn)
	a.heads <- err
	if err != nil {
		return
	}
	began := time.Now()
	n, err := a.trickle(ctx, body)
	e := history.Event{Kind: history.Reading, N: a.fault, Who: a.Path, Tag: uint64(n), Code: int32(time.Since(began).Milliseconds())}
	switch {
	case n == size:
		e.Flags, e.Text = history.Whole, "it had the whole answer"
	case ctx.Err() != nil:
		e.Flags, e.Text = history.Left, errHungUp.Error()
	default:
		e.Text = fmt.Sprintf("cut after %d of %d bytes: %v", n, size, err)
	}
	a.lab.Record(&e)
}

// dial opens a connection for which the kernel keeps little.
func (a *audience) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, readRoom)
		}), err)
	}}
	return d.DialContext(ctx, "tcp", strings.TrimPrefix(a.lab.URL(), "http://"))
}

// ask sends the request and gives the body of the answer, of that size.
func (a *audience) ask(conn net.Conn) (body io.Reader, size int64, err error) {
	req, err := http.NewRequest(http.MethodGet, a.lab.URL()+a.Path, nil)
	if err != nil {
		return nil, 0, err
	}
	late := time.AfterFunc(headLimit, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	if err := req.Write(conn); err != nil {
		return nil, 0, fmt.Errorf("send the request: %w", err)
	}
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 4<<10), req)
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("read the answer's head: %w", err)
	case res.StatusCode != http.StatusOK:
		return nil, 0, fmt.Errorf("the answer is %s, wanted 200", res.Status)
	case res.ContentLength < 0:
		return nil, 0, errors.New("the answer has no Content-Length: it cannot be told whether all of it came")
	}
	return res.Body, res.ContentLength, nil
}

// trickle reads slowly, until the end.
func (a *audience) trickle(ctx context.Context, body io.Reader) (n int64, err error) {
	step := make([]byte, max(1, a.Rate/int(time.Second/readStep)))
	tick := time.NewTicker(readStep)
	defer tick.Stop()
	for {
		m, err := io.ReadFull(body, step)
		n += int64(m)
		if err != nil {
			return n, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return n, context.Cause(ctx)
		}
	}
}
