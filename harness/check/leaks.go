package check

import "github.com/comeback-chaos/xk6-comeback/harness/history"

var leaks = Check{
	Name: "leaks",
	Doc: `No user was given what was made for another: no answer names a user other than the one who asked, and none at all where
nobody in particular did. Unknown when fewer
than expect.users of them were given an answer that names them, since then nobody could have been given it wrongly. Applies with
expect.users.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.Meta.Expect.Users > 0 },
	Judge: func(f *Facts) Result {
		u := &f.requests.users
		switch {
		case u.leaked > 0:
			return fail(u.leaks, "%d answers were made for another user than the one who was given them, beside %d that were not", u.leaked, u.own)
		case len(u.served) < f.Meta.Expect.Users:
			return unknown("%s had an answer of their own, wanted %d", count(len(u.served), "user"), f.Meta.Expect.Users)
		}
		return pass("%d answers to %s were made for none but them", u.own, count(len(u.served), "user"))
	},
}

// users is who asked, and who was given what.
type users struct {
	served      map[string]bool // had an answer of their own
	own, leaked int64
	leaks       examples
}

// see notes for whom an answer was made.
func (u *users) see(e *history.Event, asked string) {
	switch {
	case e.Flags.Has(history.Leaked):
		u.leaked++
		u.leaks.add("%s at %s: %s was given what is for somebody else", e.Msg, clock(e.At), asked)
	case e.Flags.Has(history.Own):
		u.own++
		if u.served == nil {
			u.served = map[string]bool{}
		}
		u.served[asked] = true
	}
}
