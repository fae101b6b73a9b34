package harness

import (
	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// record writes down what the backend did.
func (b *backend) record(r upstream.Record) {
	e := history.Event{Who: b.name, Msg: history.ParseMsgID([]byte(r.ID)), N: r.N, Code: int32(r.Status)}
	if b.spec.ASGI != nil {
		e.N |= int64(r.Pid) << 32 // each worker counts its own
	}
	if b.apart {
		e.Msg = 0
	}
	health := r.Path == b.spec.Health()
	switch {
	case r.Ended.IsZero() && health:
		return // its answer is what counts
	case r.Ended.IsZero():
		e.Kind, e.Text = history.Take, r.Method+" "+r.Path
	case health:
		e.Kind, e.N, e.Msg = history.Health, r.Ended.Sub(r.Came).Microseconds(), 0
	default:
		e.Kind = history.Give
		set(&e, history.Left, r.Gone)
	}
	b.lab.record.Append(&e)
}

// ledger takes the records out of the lines that a real server prints.
func (b *backend) ledger(line string) (string, bool) {
	r, ok, err := asgi.Ledger(line)
	switch {
	case err != nil:
		b.lab.note("ledger", b.name+": "+err.Error())
	case ok:
		b.record(r)
		return "", false
	}
	return line, true
}
