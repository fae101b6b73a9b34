package reports

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Events writes a history as text, a line an event, for people who look into a run.
func Events(w io.Writer, events iter.Seq2[*history.Event, error]) error {
	b := bufio.NewWriter(w)
	for e, err := range events {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(b, "%11.6f  %-12s%s\n", e.At.Seconds(), e.Kind, fields(e)); err != nil {
			return err
		}
	}
	return b.Flush()
}

// fields are those of an event that are set.
func fields(e *history.Event) string {
	var b strings.Builder
	add := func(format string, on bool, value any) {
		if on {
			fmt.Fprintf(&b, " "+format, value)
		}
	}
	add("%s", e.Who != "", clean(e.Who))
	add("conn=%d", e.Conn != 0, e.Conn)
	add("ch=%d", e.Chan != 0, e.Chan)
	add("tag=%d", e.Tag != 0, e.Tag)
	add("msg=%v", e.Msg != 0, e.Msg)
	add("code=%d", e.Code != 0, e.Code)
	add("n=%d", e.N != 0, e.N)
	add("flags=%08b", e.Flags != 0, uint8(e.Flags))
	add("%s", e.Text != "", clean(e.Text))
	return b.String()
}
