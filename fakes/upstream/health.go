package upstream

import (
	"fmt"
	"net/http"
	"time"
)

// health answers for each part by name, and 503 when one is down.
func (c *call) health() {
	type part struct {
		Status string `json:"status"`
		Error  string `json:"error,omitempty"`
	}
	answer := struct {
		Status     string          `json:"status"`
		Components map[string]part `json:"components"`
	}{"UP", map[string]part{}}
	status := http.StatusOK
	for _, name := range parts {
		why := c.trouble(name)
		if why == "" {
			answer.Components[name] = part{Status: "UP"}
			continue
		}
		answer.Components[name] = part{Status: "DOWN", Error: why}
		answer.Status, status = "DOWN", http.StatusServiceUnavailable
	}
	c.answer(status, answer)
}

// trouble is what is wrong with a part, empty when nothing is.
func (c *call) trouble(part string) string {
	a := c.s.rules.Pick(func(r *Rule) bool {
		return r.Do == Down && r.Part == part && r.matches(OnHealth, c.rec.ID, c.r.URL.Path, c.s.age())
	})
	if a != nil {
		c.report(a, http.StatusServiceUnavailable, "says that its "+part+" is down")
		return part + " does not answer"
	}
	if part != DataSource {
		return ""
	}
	wait := time.NewTimer(time.Duration(c.now.Pool.Wait))
	defer wait.Stop()
	if !c.acquire(c.now.pool, wait.C) {
		return fmt.Sprintf("no connection within %v, all %d are in use", c.now.Pool.Wait, c.now.Pool.Size)
	}
	<-c.now.pool
	return ""
}
