package upstream

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// page answers with the page of the path; a is the rule that acts on the request, if any.
func (c *call) page(a *script.Armed[Rule]) {
	var rule Rule
	if a != nil {
		rule = a.Rule
	}
	p := c.now.page(c.r.URL.Path)
	b := p.body(c.r, c.rec.Version, UserOf(c.r.Header))
	if rule.Do == Huge {
		b = b.padded(int64(rule.MB) << 20)
	}
	h := c.w.Header()
	if p.headers(h, c.r, b) && rule.Do != Cut && rule.Do != SlowBody && rule.Do != Huge {
		c.begin(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.FormatInt(b.size(), 10))
	c.begin(http.StatusOK)
	size := b.size()
	if rule.Do == Cut {
		size /= 2
	}
	if c.r.Method != http.MethodHead {
		c.send(io.LimitReader(b.reader(), size), rule.Rate)
	}
	if rule.Do == Cut {
		c.flush()
		panic(http.ErrAbortHandler)
	}
}

const chunk = 32 << 10

// send writes the body, at rate bytes a second unless that is 0, until the caller has gone.
func (c *call) send(from io.Reader, rate int) {
	buf := make([]byte, chunk)
	if rate > 0 {
		buf = buf[:min(max(rate/20, 1), chunk)] // 20 times a second, or byte for byte
	}
	for {
		n, err := io.ReadFull(from, buf)
		if n > 0 && !c.write(buf[:n]) {
			return
		}
		if err != nil {
			return // the end
		}
		if rate > 0 {
			c.flush()
			if c.rec.Gone {
				return
			}
			c.pause(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
		}
	}
}

func (c *call) flush() {
	if err := http.NewResponseController(c.w).Flush(); err != nil {
		c.rec.Gone = true
	}
}

func (b body) reader() io.Reader {
	return io.MultiReader(strings.NewReader(b.head), io.LimitReader(padding{}, b.pad), strings.NewReader(tail))
}

// padding is an endless row of x.
type padding struct{}

var row = strings.Repeat("x", chunk)

func (padding) Read(p []byte) (int, error) { return copy(p, row), nil }
