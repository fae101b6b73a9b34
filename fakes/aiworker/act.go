package aiworker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// boot does what the rules for a boot say, before the process listens.
func (w *worker) boot(ctx context.Context) error {
	t := w.pick(OnBoot, "", "")
	if t == nil {
		return context.Cause(ctx)
	}
	switch t.Rule.Do {
	case SlowBoot:
		w.report(t, "", 0, fmt.Sprintf("boots %v slower", t.Rule.Delay))
		return w.linger(ctx, t, time.Duration(t.Rule.Delay))
	case Hang:
		w.report(t, "", 0, "hangs at boot")
		w.hang(ctx, t)
		return context.Cause(ctx)
	case OOM:
		return w.die(t, "")
	}
	w.report(t, "", 1, "refuses to boot")
	return ErrRefused
}

// act does what the rule says to a request. True: the request goes on.
func (w *worker) act(ctx context.Context, rw http.ResponseWriter, t *turn, msg string, j job) bool {
	switch t.Rule.Do {
	case Fail:
		w.report(t, msg, t.Rule.status(), "answers "+strconv.Itoa(t.Rule.status()))
		w.answer(rw, t.Rule.status(), map[string]string{"error": "OutOfMemoryError", "detail": "", "errors": "CUDA out of memory"})
	case Hang:
		w.report(t, msg, 0, "hangs")
		return w.hang(ctx, t)
	case Cut:
		w.report(t, msg, 0, "cuts the connection in the middle of its answer")
		data := w.encode(msg, j)
		w.cut(rw, data[:len(data)/2], len(data))
	case Truncate:
		w.report(t, msg, http.StatusOK, "answers half a JSON")
		data := w.encode(msg, j)
		w.send(rw, data[:len(data)/2])
	case Garbage:
		w.report(t, msg, http.StatusOK, "answers an image that is none")
		w.answer(rw, http.StatusOK, result{Images: [][]byte{[]byte("this is no image")}, Parameters: j.raw, Info: "{}"})
	case OOM:
		if err := w.die(t, msg); err != nil {
			w.log.Error("the worker could not kill itself", "error", err)
		}
	case Slow:
		delay := time.Duration(t.Rule.Delay)
		if delay == 0 {
			base, _ := w.now()
			delay = time.Duration(float64(base.warm()) * (t.Rule.Factor - 1))
		}
		w.report(t, msg, 0, fmt.Sprintf("takes %v longer", delay))
		return w.linger(ctx, t, delay) == nil
	}
	return false
}

// hang returns when the caller is gone (false) or the rule is (true).
func (w *worker) hang(ctx context.Context, t *turn) bool {
	select {
	case <-t.Gone():
		return true
	case <-ctx.Done():
		return false
	}
}

// linger waits for d, at most until the rule is taken out.
func (w *worker) linger(ctx context.Context, t *turn, d time.Duration) error {
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-t.Gone():
			cancel()
		case <-wait.Done():
		}
	}()
	if script.Wait(wait, d) == nil {
		return nil
	}
	return context.Cause(ctx)
}

// die is how the kernel's out-of-memory killer ends a process.
func (w *worker) die(t *turn, msg string) error {
	w.report(t, msg, 137, "dies by SIGKILL")
	if err := unix.Kill(os.Getpid(), unix.SIGKILL); err != nil {
		return fmt.Errorf("kill this process: %w", err)
	}
	<-w.ctx.Done() // the signal is on its way
	return context.Cause(w.ctx)
}

// encode is the answer that the request would have had.
func (w *worker) encode(msg string, j job) []byte {
	data, err := json.Marshal(w.result(msg, j))
	if err != nil {
		panic(err) // see answer
	}
	return data
}

func (w *worker) send(rw http.ResponseWriter, body []byte) {
	rw.Header().Set("Content-Type", "application/json")
	if _, err := rw.Write(body); err != nil {
		w.log.Debug("the caller had gone", "error", err)
	}
}

// cut sends the begin of an answer of size bytes and ends the connection.
func (w *worker) cut(rw http.ResponseWriter, begin []byte, size int) {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", size)
	if err := port.Cut(rw, append([]byte(head), begin...)); err != nil {
		w.log.Debug("the caller had gone", "error", err)
	}
}
