package alertsink

import (
	"encoding/json"
	"mime"
	"net/url"
	"strings"
)

// payload is what Slack reads of an incoming webhook's message; other fields are allowed there.
type payload struct {
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Color    string `json:"color"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	Fallback string `json:"fallback"`
	Pretext  string `json:"pretext"`
}

// parse reads a message as Slack does, JSON or a form with a field "payload", and gives Slack's word
// for what is wrong with it.
func parse(contentType string, body []byte) (Alert, string) {
	if kind, _, err := mime.ParseMediaType(contentType); err == nil && kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Alert{}, "invalid_payload"
		}
		body = []byte(form.Get("payload"))
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Alert{}, "invalid_payload"
	}
	a := p.alert()
	if a.Text == "" && a.Title == "" {
		return Alert{}, "no_text"
	}
	return a, ""
}

func (p payload) alert() Alert {
	var a Alert
	lines := []string{p.Text}
	for _, t := range p.Attachments {
		if a.Title == "" {
			a.Title = t.Title
		}
		a.AllClear = a.AllClear || t.Color == "good"
		lines = append(lines, t.Pretext, t.Text)
		if t.Text == "" {
			lines = append(lines, t.Fallback)
		}
	}
	var kept []string
	for _, line := range lines {
		if line != "" {
			kept = append(kept, line)
		}
	}
	a.Text = strings.Join(kept, "\n")
	if a.Title == "" {
		a.Title, _, _ = strings.Cut(a.Text, "\n")
	}
	return a
}
