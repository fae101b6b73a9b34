package upstream

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/port"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// boot does what the rule for a boot says, before the upstream listens.
func (s *Server) boot() error {
	a := s.rules.Pick(func(r *Rule) bool { return r.matches(OnBoot, "", "", 0) })
	if a == nil {
		return nil
	}
	tell := func(code int, text string) {
		s.acts(a, Event{Backend: s.config.Name, Do: a.Rule.Do, Code: code, Text: text})
	}
	switch a.Rule.Do {
	case SlowBoot:
		tell(0, fmt.Sprintf("boots %v slower", a.Rule.Delay))
		return s.linger(a, time.Duration(a.Rule.Delay))
	case Hang:
		tell(0, "hangs at boot")
		return s.linger(a, forever)
	case OOM:
		tell(137, "dies by SIGKILL at boot")
		s.die(137)
		<-s.ctx.Done()
		return ErrDied
	}
	tell(1, "refuses to boot")
	return ErrRefused
}

// act does what the rule says to a request. True: the request goes on.
func (c *call) act(a *script.Armed[Rule]) bool {
	rule := &a.Rule
	switch rule.Do {
	case Fail:
		c.refuse(a)
		return false
	case Reset:
		c.report(a, 0, "resets the connection")
		if err := port.Cut(c.w, nil); err != nil {
			c.s.config.Log.Debug("the caller had gone", "error", err)
		}
		return false
	case Crash, OOM:
		c.kill(a)
	case Slow:
		c.report(a, 0, fmt.Sprintf("takes %v longer", rule.Delay))
		c.linger(a, time.Duration(rule.Delay))
	case Hang:
		c.report(a, 0, "hangs")
		c.linger(a, forever)
	case Spiral:
		if c.s.sicken(&c.s.spiral, a) { // before it is told: who hears of it finds the upstream ill
			go c.s.burn(a)
		}
		c.report(a, 0, "chokes on its garbage collector")
	case Deadlock:
		c.s.sicken(&c.s.stuck, a)
		c.report(a, 0, "is in a deadlock")
	case Leak:
		c.report(a, 0, "never gives its data source connection back")
	case Cut:
		c.report(a, http.StatusOK, "answers in part")
	case SlowBody:
		c.report(a, http.StatusOK, fmt.Sprintf("answers %d bytes a second", rule.Rate))
	case Huge:
		c.report(a, http.StatusOK, fmt.Sprintf("answers %d MB", rule.MB))
	}
	return true
}

func (c *call) refuse(a *script.Armed[Rule]) {
	status := cmp.Or(a.Rule.Status, http.StatusInternalServerError)
	c.report(a, status, fmt.Sprintf("answers %d", status))
	if status >= 300 && status < 400 {
		c.w.Header().Set("Location", c.r.URL.Path+"/")
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		c.begin(status) // these have no body
		return
	}
	c.answer(status, map[string]string{"error": http.StatusText(status)})
}

// kill ends the upstream, and with it this request.
func (c *call) kill(a *script.Armed[Rule]) {
	code, text := 137, "dies by SIGKILL"
	if a.Rule.Do == Crash {
		code = cmp.Or(a.Rule.Status, 3)
		text = fmt.Sprintf("exits with %d", code)
	}
	c.report(a, code, text)
	c.s.die(code)
	<-c.s.ctx.Done()
	panic(http.ErrAbortHandler)
}

func (c *call) report(a *script.Armed[Rule], code int, text string) {
	c.s.acts(a, Event{Backend: c.s.config.Name, Do: a.Rule.Do, ID: c.rec.ID, Code: code, Text: text})
}

func (c *call) linger(a *script.Armed[Rule], d time.Duration) {
	if c.s.linger(a, d) != nil {
		panic(http.ErrAbortHandler) // as in pause
	}
}
