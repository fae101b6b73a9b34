// Package alertsink is a Slack-compatible incoming webhook: POST /services/… takes a message and
// answers "ok". Sink is the server, in the lab's process; it keeps what it accepted, tells an alert
// from an all-clear (an attachment of color "good"), and its rules make it refuse as Slack does.
package alertsink

// Alert is a message that the sink accepted.
type Alert struct {
	Title    string // of the first attachment that has one, else the first line of Text
	Text     string // the message's text and its attachments', a line each
	AllClear bool   // an attachment has the color "good"
}
