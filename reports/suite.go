package reports

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// SuiteText writes the table of a suite: its verdict first, then a line for each run, then where to look
// and how to repeat what is not green.
func SuiteText(w io.Writer, s *Suite) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s%s of %d runs; %.1f s, longest run %.1f s, %d side by side\n\n",
		strings.ToUpper(s.Verdict().String()), s.nothing(), s.Counts(), len(s.Runs), s.Wall.Seconds(), s.CriticalPath.Seconds(), s.Parallel)
	t := table{indent: "  ", right: "llrrrrrrl"}
	t.row("outcome", "scenario", "recovery", "lost", "dup", "redelivered", "unknown", "wall", "reason")
	for _, r := range s.Runs {
		lost, dup, redelivered, unknown := "–", "–", "–", "–"
		if r.Judgement != nil {
			l := r.Judgement.Ledger.Total
			lost, dup, redelivered, unknown = num(l.Lost), num(l.Duplicates), num(l.Redelivered), num(l.Unknown)
		}
		t.row(r.Outcome(), r.Name(), recoveryWord(r), lost, dup, redelivered, unknown, fmt.Sprintf("%.1f s", r.Wall.Seconds()), r.Reason())
	}
	t.write(&b)
	writeClock(&b, s)
	writePointers(&b, s)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeClock tells the error of our own clock, measured on targets whose recovery time is known.
func writeClock(b *strings.Builder, s *Suite) {
	for _, r := range s.Runs {
		if r.Judgement == nil || r.Err != "" || r.Defect != "" || !r.Judgement.Recovery.Recovered {
			continue
		}
		if known := r.Judgement.Meta.Expect.Known; known > 0 {
			after := r.Judgement.Recovery.After
			fmt.Fprintf(b, "\nrecovery clock: %.3f s measured on %s, which takes %.3f s: error %+.3f s\n",
				after.Seconds(), r.Name(), known.Seconds(), (after - known).Seconds())
		}
	}
}

// writePointers tells the folder, the repeat command and the reason of every run that is not green: the end of the
// text must tell all where nothing else of it was kept.
func writePointers(b *strings.Builder, s *Suite) {
	t := table{indent: "  ", right: "llll"}
	for _, r := range s.Runs {
		if r.Green() {
			continue
		}
		repeat := ""
		if r.Judgement != nil {
			repeat = r.Judgement.Meta.Repeat
		}
		t.row(r.Name(), r.Dir, repeat, r.Reason())
	}
	if len(t.rows) == 0 {
		return
	}
	b.WriteString("\nlook into, repeat, because\n")
	t.write(b)
}

// String leaves out what there is none of, but for pass.
func (c Counts) String() string {
	s := fmt.Sprintf("%d pass", c.Pass)
	for _, o := range []struct {
		n    int
		name string
	}{{c.Fail, "fail"}, {c.Unknown, "unknown"}, {c.Error, "error"}, {c.Skipped, "skipped"}} {
		if o.n > 0 {
			s += fmt.Sprintf(", %d %s", o.n, o.name)
		}
	}
	return s
}

// recoveryWord is the recovery time, or one word for why there is none.
func recoveryWord(r Run) string {
	if r.Judgement == nil {
		return "–"
	}
	switch o := r.Judgement.Recovery; {
	case !o.Measured:
		return "–"
	case o.Relapsed:
		return "relapsed"
	case !o.Recovered:
		return "never"
	default:
		return fmt.Sprintf("%.2f s", o.After.Seconds())
	}
}

func num(n int64) string { return strconv.FormatInt(n, 10) }
