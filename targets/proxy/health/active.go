package health

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// Prober asks a backend once how it is. Ask is the one that the proxy uses.
type Prober func(ctx context.Context, spec *backend.Spec) backend.Check

// Active checks a backend at once and then each interval, from start to start, until it leaves.
type Active struct {
	Pool   *backend.Pool
	Probe  Prober
	Jitter float64 // each wait is shorter or longer by up to this share; 0: exact, so that times can be computed
}

// Watch checks b until it leaves or ctx ends.
func (a *Active) Watch(ctx context.Context, b *backend.Backend) {
	for {
		began := time.Now()
		spec := b.Spec()
		check := a.Probe(ctx, spec)
		if ctx.Err() != nil {
			return
		}
		if b.Spec() == spec { // else it is a result by rules that no longer hold
			a.Pool.Checked(b, check)
		}
		timer := time.NewTimer(time.Until(began.Add(a.wait(spec.Health.Interval))))
		select {
		case <-ctx.Done():
		case <-b.Left():
		case <-b.Changed(): // by the new rules at once
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil || left(b) {
			return
		}
	}
}

func (a *Active) wait(interval time.Duration) time.Duration {
	if a.Jitter == 0 {
		return interval
	}
	return time.Duration(float64(interval) * (1 + a.Jitter*(2*rand.Float64()-1)))
}

func left(b *backend.Backend) bool {
	select {
	case <-b.Left():
		return true
	default:
		return false
	}
}

// detailLimit is how much of the answer to a check is kept: what a composite answer names as broken.
const detailLimit = 512

// Ask asks the backend's health path over a connection of its own. It follows no redirect. What it gives
// says what came.
func Ask(ctx context.Context, spec *backend.Spec) (c backend.Check) {
	began := time.Now()
	defer func() {
		c.At = time.Now()
		c.Took = c.At.Sub(began)
	}()
	h := spec.Health
	limited, stop := context.WithTimeout(ctx, h.Timeout)
	defer stop()
	req, err := http.NewRequestWithContext(limited, http.MethodGet, spec.URL.Scheme+"://"+spec.URL.Host+spec.URL.Path+h.Path, nil)
	if err != nil {
		return backend.Check{What: err.Error()}
	}
	req.Host = h.Host
	req.Header.Set("User-Agent", "proxy-health-check")
	transport := connection(spec)
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		return backend.Check{What: backend.Cause(err, h.Timeout)}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, detailLimit))
	c.Detail = strings.ToValidUTF8(strings.TrimSpace(string(body)), "�")
	switch {
	case err != nil:
		c.What = backend.Cause(err, h.Timeout)
	case !h.Codes.Has(res.StatusCode):
		c.What = fmt.Sprintf("%d, wanted %v", res.StatusCode, h.Codes)
	default:
		c.OK, c.What = true, fmt.Sprint(res.StatusCode)
	}
	return c
}

func connection(spec *backend.Spec) *http.Transport {
	t := &http.Transport{DisableKeepAlives: true, DisableCompression: true, Protocols: new(http.Protocols), MaxResponseHeaderBytes: 64 << 10}
	t.Protocols.SetHTTP1(!spec.H2C)
	t.Protocols.SetUnencryptedHTTP2(spec.H2C)
	return t
}
