package extension

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// incident is what a script passes to incident(). Its JSON form is index.d.ts' Incident.
type incident struct {
	Name      string            `json:"name"`
	ID        words             `json:"id"`
	Target    string            `json:"target"`
	Broker    string            `json:"broker"`
	Instances int               `json:"instances"`
	Needs     words             `json:"needs"`
	Links     words             `json:"links"`
	AI        aiworker.Script   `json:"ai"`
	Load      offered           `json:"load"`
	Expect    expect            `json:"expect"`
	Catches   map[string]string `json:"catches"`
}

type offered struct {
	Rate     float64  `json:"rate"`
	Duration duration `json:"duration"`
}

type expect struct {
	NoFault    bool             `json:"noFault"`
	Lost       int              `json:"lost"`
	Duplicates int              `json:"duplicates"`
	Recovery   duration         `json:"recovery"`
	Known      duration         `json:"known"`
	Stall      duration         `json:"stall"`
	WorksOn    bool             `json:"worksOn"`
	InFlight   bool             `json:"inFlight"`
	Takeover   duration         `json:"takeover"`
	FairShare  float64          `json:"fairShare"`
	Serving    *serving         `json:"serving"`
	Prefetch   int              `json:"prefetch"`
	CPU        float64          `json:"cpu"`
	Reconnects *bounds          `json:"reconnects"`
	Alerts     *bounds          `json:"alerts"`
	AllClears  *bounds          `json:"allClears"`
	Hooks      map[string]calls `json:"hooks"`
}

type serving struct {
	Share  float64  `json:"share"`
	Within duration `json:"within"`
}

type calls struct {
	Min  int      `json:"min"`
	Max  int      `json:"max"`
	Args []string `json:"args"`
}

// words is one string or a list of them.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = words{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return fmt.Errorf("%s, want a string or a list of strings", b)
	}
	*w = many
	return nil
}

// duration is a string such as "1m30s", as everywhere in k6.
type duration time.Duration

func (d *duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("duration %s, want a string such as '2s'", b)
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("duration %q, want a string such as '2s'", s)
	}
	*d = duration(v)
	return nil
}

// bounds is a number, meant exactly, or {min, max}.
type bounds history.Range

func (b *bounds) UnmarshalJSON(text []byte) error {
	var n int
	if json.Unmarshal(text, &n) == nil {
		*b = bounds{Min: n, Max: n}
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode((*history.Range)(b)); err != nil {
		return fmt.Errorf("count %s, want a number or {min, max}", text)
	}
	if b.Min < 0 || b.Max < b.Min {
		return fmt.Errorf("count %s, want 0 <= min <= max", text)
	}
	return nil
}

// parseIncident reads what a script said; file is the script's address, which gives the name.
func parseIncident(text []byte, file string) (harness.Spec, error) {
	var in incident
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return harness.Spec{}, fmt.Errorf("incident(): %w", err)
	}
	if in.Name == "" {
		in.Name = strings.TrimSuffix(path.Base(file), path.Ext(file))
	}
	if in.Broker != "" && in.Broker != "own" && in.Broker != "shared" {
		return harness.Spec{}, fmt.Errorf("incident(): broker: %q, want 'own' or 'shared'", in.Broker)
	}
	s := harness.Spec{
		Name: in.Name, Incidents: in.ID, Target: in.Target, OwnBroker: in.Broker == "own",
		AI:        in.AI,
		Instances: in.Instances, Needs: in.Needs, Links: in.Links,
		Load:   harness.Load{Rate: in.Load.Rate, Duration: time.Duration(in.Load.Duration)},
		Expect: in.Expect.history(),
	}
	for defect, check := range in.Catches {
		s.Catches = append(s.Catches, history.Catch{Defect: defect, Check: check})
	}
	slices.SortFunc(s.Catches, func(a, b history.Catch) int { return strings.Compare(a.Defect, b.Defect) })
	if err := s.Check(); err != nil {
		return harness.Spec{}, fmt.Errorf("incident(): %w", err)
	}
	return s, nil
}

func (e expect) history() history.Expect {
	h := history.Expect{
		NoFault: e.NoFault, Lost: e.Lost, Duplicates: e.Duplicates, InFlight: e.InFlight, CPU: e.CPU, WorksOn: e.WorksOn,
		Recovery: time.Duration(e.Recovery), Known: time.Duration(e.Known), Stall: time.Duration(e.Stall),
		Prefetch: e.Prefetch,
		Alerts:   (*history.Range)(e.Alerts), AllClears: (*history.Range)(e.AllClears),
	}
	h.Reconnects = (*history.Range)(e.Reconnects)
	h.Takeover, h.FairShare = time.Duration(e.Takeover), e.FairShare
	if e.Serving != nil {
		h.Serving = &history.Serving{Share: e.Serving.Share, Within: time.Duration(e.Serving.Within)}
	}
	for hook, c := range e.Hooks {
		if h.Hooks == nil {
			h.Hooks = map[string]history.Calls{}
		}
		h.Hooks[hook] = history.Calls{Range: history.Range{Min: c.Min, Max: c.Max}, Args: c.Args}
	}
	return h
}

// incident is the script's incident(): it declares the run and gives the object that drives it.
func (m *module) incident(call sobek.FunctionCall) sobek.Value {
	rt := m.vu.Runtime()
	if m.vu.State() != nil {
		return m.throw(errors.New("incident() belongs at the top of the script, outside its functions"))
	}
	object, ok := call.Argument(0).(*sobek.Object)
	if !ok {
		return m.throw(errors.New("incident() wants an object: { id, target, load, expect, … }"))
	}
	text, err := object.MarshalJSON()
	if err != nil {
		return m.throw(fmt.Errorf("incident(): %w", err))
	}
	spec, err := parseIncident(text, callerFile(rt))
	if err != nil {
		return m.throw(err)
	}
	if err := m.session.declare(spec); err != nil {
		return m.throw(err)
	}
	return m.runObject(spec)
}

// callerFile is the address of the script that called.
func callerFile(rt *sobek.Runtime) string {
	for _, frame := range rt.CaptureCallStack(0, nil) {
		if name := frame.SrcName(); strings.Contains(name, "/") && !strings.HasPrefix(name, "k6/") {
			return name
		}
	}
	return ""
}
