package reports

import (
	"fmt"
	"strconv"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

// sweep shows what was measured with each number of workers, the law, and what follows.
func (p *page) sweep(s *check.Sweep) {
	p.b.WriteString("\n")
	t := table{indent: "  ", right: "rrrrrrrrl"}
	t.row("workers", "rounds", "throughput", "lowest", "highest", "p50", "p99", "by the law", "")
	rate := func(f float64) string {
		if f == 0 {
			return "–"
		}
		return strconv.FormatFloat(f, 'f', 1, 64) + "/s"
	}
	for _, r := range s.Rows {
		t.row(strconv.Itoa(r.Workers), strconv.Itoa(r.Rounds), rate(r.Throughput), rate(r.Low), rate(r.High), short(r.P50), short(r.P99), rate(r.Fitted), remark(s, r.Workers))
	}
	t.write(&p.b)
	p.b.WriteString("\n")
	if m := s.Model; m != nil {
		peak := "no peak"
		if s.Peak > 0 {
			peak = fmt.Sprintf("peak at %.3g workers", s.Peak)
		}
		p.linef("law       λ %.4g/s, σ %.3g, κ %.3g: %s; what was measured is %.1f %% off it, rounds are %.1f %% apart", m.Lambda, m.Sigma, m.Kappa, peak, 100*s.Misfit, 100*s.Noise)
	} else {
		p.linef("law       not fitted")
	}
	switch {
	case s.Refused != "":
		p.linef("workers   none recommended: %s", s.Refused)
	default:
		p.linef("workers   %d recommended (90 %%: %.0f to %.0f); fewest that are good enough: %d", s.Best, s.BestSpan.Low, s.BestSpan.High, s.Enough)
	}
	p.linef("load      could make %d requests a second of a server that does nothing; %d measurements were not steady, and left out", s.Ceiling, s.Unsteady)
}

// remark tells what is special about a number of workers.
func remark(s *check.Sweep, n int) string {
	text := ""
	if n == s.Best {
		text = "recommended"
	}
	if n == s.Deployed {
		if text != "" {
			text += ", "
		}
		text += "deployed"
	}
	return text
}
