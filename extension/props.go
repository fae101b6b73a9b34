package extension

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/grafana/sobek"

	"github.com/comeback-chaos/xk6-comeback/harness/load"
)

// parseProps reads the second argument of run.submit(), whose form is index.d.ts' Props.
func parseProps(options sobek.Value) (load.Props, error) {
	if options == nil || sobek.IsUndefined(options) || sobek.IsNull(options) {
		return load.Props{}, nil // the fast path: most messages are plain
	}
	object, ok := options.(*sobek.Object)
	if !ok {
		return load.Props{}, errors.New("its second argument is an object: { messageId, priority, expiration, headers, contentType, transient, dead }")
	}
	text, err := object.MarshalJSON()
	if err != nil {
		return load.Props{}, err
	}
	in := struct {
		MessageID   bool           `json:"messageId"`
		Priority    uint8          `json:"priority"`
		Expiration  duration       `json:"expiration"`
		Headers     map[string]any `json:"headers"`
		ContentType string         `json:"contentType"`
		Transient   bool           `json:"transient"`
		Dead        bool           `json:"dead"`
	}{MessageID: true}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return load.Props{}, err
	}
	return load.Props{
		ContentType: in.ContentType, Headers: in.Headers, Transient: in.Transient, Doomed: in.Dead,
		Anonymous: !in.MessageID, Priority: in.Priority, Expiration: time.Duration(in.Expiration),
	}, nil
}
