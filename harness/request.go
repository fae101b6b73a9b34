package harness

import (
	"fmt"
	"time"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Ask offers one request of the load and gives its id, which goes with it in the header X-Request-Id. The
// caller sends it, and tells with Answered what became of it. The first one begins the load. user is who asks,
// "" for nobody in particular.
func (l *Lab) Ask(method, path, user string) (history.MsgID, error) {
	return l.ask(method, path, user, 0)
}

// AskExtra is Ask for a request beyond the load that the scenario states.
func (l *Lab) AskExtra(method, path string) (history.MsgID, error) {
	return l.ask(method, path, "", history.Extra)
}

func (l *Lab) ask(method, path, user string, flags history.Flags) (history.MsgID, error) {
	if !l.http() {
		return 0, fmt.Errorf("target %s consumes a queue and answers no requests: use submit()", l.target.Name)
	}
	if err := l.offering(); err != nil {
		return 0, err
	}
	id := history.MsgID(l.asked.Add(1))
	l.record.Append(&history.Event{Kind: history.Offer, Msg: id, Who: user, Flags: flags, Text: method + " " + path})
	return id, nil
}

// Answer is what the load was told.
type Answer struct {
	Status  int           // HTTP status; 0: there was no answer
	Good    bool          // it is what was asked for
	Later   bool          // it was turned away, with the time after which to come again
	Version string        // of who answered, as it says
	Backend string        // who answered, as it says
	Wait    time.Duration // from the request to the end of the answer
	Err     string        // why there was none
	Own     bool          // it names the user who asked
	Leaked  bool          // it names another user
}

// Answered records what became of a request.
func (l *Lab) Answered(id history.MsgID, a Answer) {
	e := history.Event{Kind: history.Answer, Msg: id, Code: int32(a.Status), N: a.Wait.Microseconds(), Who: a.Version, Text: a.Backend}
	if a.Status == 0 {
		e.Text = a.Err
	}
	set(&e, history.Good, a.Good)
	set(&e, history.Later, a.Later)
	set(&e, history.Own, a.Own)
	set(&e, history.Leaked, a.Leaked)
	l.record.Append(&e)
}

// URL is where the target answers requests.
func (l *Lab) URL() string {
	_, s := l.targets[0].current()
	return s.what.HTTP
}

func (l *Lab) http() bool { return l.target.HTTP != "" }
