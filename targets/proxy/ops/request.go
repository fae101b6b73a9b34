package ops

import (
	"bufio"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// requestID is the field by which a request is found again in every log.
const requestID = "X-Request-Id"

// Wrap counts and times each request, gives it an id, and logs it when asked to.
func (b *Board) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		b.active.Add(1)
		b.minute.Add(began)
		rec := &recorder{ResponseWriter: w}
		id := r.Header[requestID]
		if len(id) != 1 || !plain(id[0]) {
			rec.id[0] = newID()
			id = rec.id[:]
			r.Header[requestID] = id
		}
		w.Header()[requestID] = id
		defer func() {
			took := time.Since(began)
			b.active.Add(-1)
			b.metrics.requests[rec.class()].Inc()
			if rec.status != http.StatusSwitchingProtocols { // that is how long somebody stayed
				b.metrics.seconds.Observe(took.Seconds())
			}
			if b.AccessLog != nil {
				b.log(r, rec, id[0], took)
			}
		}()
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			rec.status = http.StatusOK
		}
	})
}

func (b *Board) log(r *http.Request, rec *recorder, id string, took time.Duration) {
	served := ""
	if v := rec.Header()["X-Served-By"]; len(v) > 0 {
		served = v[0]
	}
	b.AccessLog.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("id", id), slog.String("client", r.RemoteAddr),
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes), slog.Duration("took", took), slog.String("backend", served))
}

// newID makes an id that no other request is likely to have. It is no secret.
func newID() string {
	var raw [16]byte
	for i := 0; i < len(raw); i += 8 {
		v := rand.Uint64()
		for j := range 8 {
			raw[i+j] = byte(v >> (8 * j))
		}
	}
	var text [2 * len(raw)]byte
	hex.Encode(text[:], raw[:])
	return string(text[:])
}

// plain tells whether an id of a client's is one that may stand in logs.
func plain(id string) bool {
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// recorder notes what an answer was.
type recorder struct {
	http.ResponseWriter
	status int // 0: none yet
	bytes  int64
	id     [1]string // that was made here
}

func (r *recorder) WriteHeader(code int) {
	if r.status == 0 && (code >= http.StatusOK || code == http.StatusSwitchingProtocols) {
		r.status = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// class of the answer; 0 when there was none.
func (r *recorder) class() int { return min(r.status/100, len(classes)-1) }

// Hijack is how an upgrade begins.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}
