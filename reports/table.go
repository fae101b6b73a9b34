package reports

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// table lays out rows in columns for a terminal.
type table struct {
	indent string
	right  string // one letter a column: r for right-aligned, anything else left
	rows   [][]string
	paint  func(col int, cell, padded string) string // nil: plain
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(b *strings.Builder) {
	widths := make([]int, len(t.right))
	for _, row := range t.rows {
		for i, cell := range row {
			row[i] = clean(cell)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range t.rows {
		line := t.indent
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			padded := cell + pad
			if t.right[i] == 'r' {
				padded = pad + cell
			}
			if i == len(row)-1 && t.right[i] != 'r' {
				padded = cell
			}
			if t.paint != nil {
				padded = t.paint(i, cell, padded)
			}
			if i > 0 {
				line += "  "
			}
			line += padded
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// clean keeps what a program printed from moving the cursor or breaking a line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// at is a time of the run, or a dash for one that never came.
func at(d time.Duration) string {
	if d < 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f s", d.Seconds())
}

// short is a duration in the unit that suits it.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	default:
		return fmt.Sprintf("%d µs", d.Microseconds())
	}
}
