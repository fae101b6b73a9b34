package upstream

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// call is one request on its way through the upstream.
type call struct {
	s   *Server
	now *settings
	w   http.ResponseWriter
	r   *http.Request
	rec Record
}

// ServeHTTP implements http.Handler. As in a servlet container a request is done to its end, on its
// thread, also when its caller has gone.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.take(w, r)
	defer c.end()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		c.rec.Gone = true
		panic(http.ErrAbortHandler)
	}
	on := OnRequest
	if r.URL.Path == c.now.Health {
		on = OnHealth
	}
	if on == OnRequest || !c.now.HealthApart {
		c.acquire(c.now.threads, nil)
		defer func() { <-c.now.threads }()
	}
	c.rec.Began = time.Now()
	a := c.s.rules.Pick(func(rule *Rule) bool {
		return rule.Do != Down && rule.matches(on, c.rec.ID, r.URL.Path, s.age())
	})
	if a != nil && !c.act(a) {
		return
	}
	c.suffer(on == OnHealth && c.now.HealthApart)
	if on == OnHealth {
		c.health()
		return
	}
	c.work(a)
}

// take enters the request into the ledger.
func (s *Server) take(w http.ResponseWriter, r *http.Request) *call {
	c := &call{s: s, now: s.now.Load(), w: w, r: r}
	c.rec = Record{
		Backend: s.config.Name, N: s.n.Add(1), ID: clip(r.Header.Get(RequestID)), Method: clip(r.Method), Path: clip(r.URL.Path),
		User: clip(UserOf(r.Header)), Version: c.now.Version, Came: time.Now(),
	}
	h := w.Header()
	set(h, RequestID, r.Header.Get(RequestID))
	h.Set(VersionHeader, c.now.Version)
	h.Set(BackendHeader, s.config.Name)
	if c.now.Closes {
		h.Set("Connection", "close") // net/http does it then
	}
	c.tell()
	return c
}

// clip keeps a record, and with it a batch of them, shorter than a line to the lab may be.
func clip(text string) string { return text[:min(len(text), 512)] }

func (c *call) end() {
	c.rec.Ended = time.Now()
	c.rec.Gone = c.rec.Gone || c.r.Context().Err() != nil
	c.tell()
}

func (c *call) tell() {
	if c.s.config.OnRecord != nil {
		c.s.config.OnRecord(c.rec)
	}
}

// work does what the request is for; a is the rule that acts on it, if any.
func (c *call) work(a *script.Armed[Rule]) {
	if !c.query(a) || !c.askAccount() {
		return
	}
	c.page(a)
}

// query takes a connection to the data source for the request's latency.
func (c *call) query(a *script.Armed[Rule]) bool {
	wait := time.NewTimer(time.Duration(c.now.Pool.Wait))
	defer wait.Stop()
	pool := c.now.pool
	if !c.acquire(pool, wait.C) {
		c.fail("no data source connection within " + c.now.Pool.Wait.String())
		return false
	}
	c.pause(c.now.Latency.at(c.chance("latency")))
	if a == nil || a.Rule.Do != Leak {
		<-pool
		return true
	}
	go func() { // it comes back with the end of the rule, or never
		select {
		case <-a.Gone():
			<-pool
		case <-c.s.ctx.Done():
		}
	}()
	return true
}

// chance is a number in [0, 1) that depends on the request's id, where it has one.
func (c *call) chance(what string) float64 {
	id := c.rec.ID
	if id == "" {
		id = "#" + strconv.FormatInt(c.rec.N, 10)
	}
	return chance(c.now.Seed, what, id)
}

// acquire takes a token; false when it took too long.
func (c *call) acquire(tokens chan struct{}, late <-chan time.Time) bool {
	select {
	case tokens <- struct{}{}:
		return true
	default:
	}
	select {
	case tokens <- struct{}{}:
		return true
	case <-late:
		return false
	case <-c.s.ctx.Done():
		panic(http.ErrAbortHandler)
	}
}

// pause does nothing for d.
func (c *call) pause(d time.Duration) {
	if script.Wait(c.s.ctx, d) != nil {
		panic(http.ErrAbortHandler) // the upstream ends, and with it the connection
	}
}

func (c *call) fail(why string) {
	c.answer(http.StatusInternalServerError, map[string]string{"error": why})
}

// answer sends a small JSON.
func (c *call) answer(status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // only this package's own types come here
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.begin(status)
	c.write(data)
}

func (c *call) begin(status int) {
	c.rec.Status = status
	c.w.WriteHeader(status)
}

// write tells whether the caller may still be there.
func (c *call) write(data []byte) bool {
	n, err := c.w.Write(data)
	c.rec.Bytes += int64(n)
	c.rec.Gone = c.rec.Gone || err != nil
	return err == nil
}
