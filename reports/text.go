package reports

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/harness/check"
)

// Text writes a run's verdict for a terminal, without colour.
func Text(w io.Writer, j *check.Judgement) error { return text(w, j, false) }

// ColourText writes the same with the verdicts in colour.
func ColourText(w io.Writer, j *check.Judgement) error { return text(w, j, true) }

func text(w io.Writer, j *check.Judgement, colour bool) error {
	p := page{j: j, colour: colour}
	p.verdict()
	p.checks()
	if j.Sweep != nil {
		p.sweep(j.Sweep)
	} else {
		p.ledger()
		p.recovery()
		p.faults()
	}
	p.rest()
	_, err := io.WriteString(w, p.b.String())
	return err
}

// page is a report in the making.
type page struct {
	b      strings.Builder
	j      *check.Judgement
	colour bool
}

func (p *page) linef(format string, args ...any) {
	p.b.WriteString(clean(fmt.Sprintf(format, args...)) + "\n")
}

// verdict is the first line: it must tell all when nobody reads on.
func (p *page) verdict() {
	m := p.j.Meta
	line := m.Scenario
	if len(m.Incidents) > 0 {
		line += " (" + strings.Join(m.Incidents, ", ") + ")"
	}
	line += " on " + m.Target
	if m.Version != "" {
		line += " " + m.Version
	}
	if m.Defect != "" {
		line += " with defect " + m.Defect
	}
	word := strings.ToUpper(p.j.Verdict.String())
	p.b.WriteString(p.paint(p.j.Verdict.String(), word) + "  " + clean(line+": "+p.j.Reason) + "\n")
	if p.j.Damage != "" {
		p.linef("history damaged: %s", p.j.Damage)
	}
	if p.j.Torn != nil {
		p.linef("history torn: %v", *p.j.Torn)
	}
}

func (p *page) checks() {
	p.b.WriteString("\n")
	t := table{indent: "  ", right: "lll"}
	if p.colour {
		t.paint = func(col int, cell, padded string) string {
			if col > 0 {
				return padded
			}
			return p.paint(cell, padded)
		}
	}
	for _, r := range p.j.Results {
		t.row(r.Verdict.String(), r.Check, r.Reason)
		for _, e := range r.Examples {
			t.row("", "", "  "+e)
		}
	}
	t.write(&p.b)
}

// count is a row of the ledger.
type count struct {
	name   string
	of     func(check.Totals) int64
	seldom bool
}

var messageRows = []count{
	{"offered", func(t check.Totals) int64 { return t.Offered }, false},
	{"unsent", func(t check.Totals) int64 { return t.Unsent }, true},
	{"published", func(t check.Totals) int64 { return t.Published }, false},
	{"confirmed", func(t check.Totals) int64 { return t.Confirmed }, false},
	{"refused", func(t check.Totals) int64 { return t.Refused }, true},
	{"unknown", func(t check.Totals) int64 { return t.Unknown }, false},
	{"delivered", func(t check.Totals) int64 { return t.Delivered }, false},
	{"redelivered", func(t check.Totals) int64 { return t.Redelivered }, false},
	{"with effect", func(t check.Totals) int64 { return t.Effects }, false},
	{"duplicated", func(t check.Totals) int64 { return t.Duplicates }, false},
	{"lost", func(t check.Totals) int64 { return t.Lost }, false},
	{"unexpected", func(t check.Totals) int64 { return t.Unexpected }, false},
	{"dead-lettered", func(t check.Totals) int64 { return t.DeadLettered }, true},
	{"left in queue", func(t check.Totals) int64 { return t.Leftover }, true},
}

var requestRows = []count{
	{"asked", func(t check.Totals) int64 { return t.Offered }, false},
	{"taken by a backend", func(t check.Totals) int64 { return t.Delivered }, false},
	{"taken again", func(t check.Totals) int64 { return t.Redelivered }, false},
	{"answered well", func(t check.Totals) int64 { return t.Effects }, false},
	{"turned away", func(t check.Totals) int64 { return t.TurnedAway }, false},
	{"answered badly", func(t check.Totals) int64 { return t.BadAnswers }, false},
	{"not answered", func(t check.Totals) int64 { return t.NoAnswers }, false},
	{"unexpected", func(t check.Totals) int64 { return t.Unexpected }, true},
}

// ledger shows five numbers that must never be mixed up, and what they come from. Rows that a run seldom
// has are shown when it has them.
func (p *page) ledger() {
	p.b.WriteString("\n")
	l := p.j.Ledger
	t := table{indent: "  ", right: "lrrrr"}
	rows, what := messageRows, "messages"
	if p.j.Meta.HTTP {
		rows, what = requestRows, "requests"
	}
	t.row(what, "before", "during", "after", "total")
	for _, r := range rows {
		if r.seldom && r.of(l.Total) == 0 {
			continue
		}
		t.row(r.name, num(r.of(l.Before)), num(r.of(l.During)), num(r.of(l.After)), num(r.of(l.Total)))
	}
	p.rates(&t)
	t.write(&p.b)
}

func (p *page) rates(t *table) {
	r, l, win := p.j.Rate, p.j.Latency, p.j.Windows
	rate := func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) + "/s" }
	t.row("offered rate", rate(r.Before.Offered), rate(r.During.Offered), rate(r.After.Offered), rate(r.Total.Offered))
	t.row("effect rate", rate(r.Before.Effects), rate(r.During.Effects), rate(r.After.Effects), rate(r.Total.Effects))
	for _, q := range []struct {
		name string
		of   func(check.Latency) string
	}{
		{"latency p50", func(l check.Latency) string { return short(l.P50) }},
		{"latency p99", func(l check.Latency) string { return short(l.P99) }},
		{"latency max", func(l check.Latency) string { return short(l.Max) }},
	} {
		cell := func(l check.Latency) string {
			if l.Count == 0 {
				return "–"
			}
			return q.of(l)
		}
		t.row(q.name, cell(l.Before), cell(l.During), cell(l.After), cell(l.Total))
	}
	t.row("window", at(win.Before.Length()), at(win.During.Length()), at(win.After.Length()), at(win.Total.Length()))
}

func (p *page) recovery() {
	p.b.WriteString("\n")
	switch o := p.j.Recovery; {
	case !o.Measured && o.Reason == "":
		p.linef("recovery  not measured")
	case !o.Measured:
		p.linef("recovery  not measured: %s", o.Reason)
	case o.Relapsed:
		p.linef("recovery  relapsed: %s", o.Reason)
	case !o.Recovered:
		p.linef("recovery  never: %s", o.Reason)
	default:
		p.linef("recovery  %.2f s: %s", o.After.Seconds(), o.Reason)
	}
	if s := p.j.Steady; s != nil {
		p.linef("steady    %s to %s before the fault: %.1f/s (lowest second %.1f/s), latency up to %s, backlog up to %d",
			at(s.From), at(s.To), s.Rate, s.MinRate, short(s.Latency), s.Backlog)
	}
}

func (p *page) faults() {
	if len(p.j.Faults) == 0 {
		p.linef("faults    none injected")
		return
	}
	p.b.WriteString("\n")
	t := table{indent: "  ", right: "lrrrrrrrl"}
	t.row("fault", "inject", "in effect", "heal", "gone", "outlived", "touched", "in flight", "evidence")
	for _, f := range p.j.Faults {
		name := fmt.Sprintf("#%d %s", f.ID, f.Name)
		if f.Params != "" {
			name += " " + f.Params
		}
		t.row(name, at(f.Inject), at(f.InEffect), at(f.Heal), at(f.Gone), at(f.Outlived), num(f.Touched), num(f.InFlight), f.Evidence)
	}
	t.write(&p.b)
}

// rest ends with the line to copy.
func (p *page) rest() {
	p.b.WriteString("\n")
	p.linef("alerts    %d", p.j.Alerts)
	for _, name := range slices.Sorted(maps.Keys(p.j.Hooks)) {
		p.linef("hook      %s called %d times", name, p.j.Hooks[name])
	}
	for _, m := range p.j.Marks {
		p.linef("mark      %s %s", at(m.At), strings.TrimSpace(m.Name+" "+m.Text))
	}
	p.linef("seed      %d", p.j.Meta.Seed)
	p.linef("repeat    %s", p.j.Meta.Repeat)
}

// paint colours a verdict when colours were asked for.
func (p *page) paint(verdict, s string) string {
	code := map[string]string{"pass": "32", "fail": "31", "unknown": "33"}[verdict]
	if !p.colour || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
