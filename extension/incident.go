package extension

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
	"github.com/comeback-chaos/xk6-comeback/harness/server"
	"github.com/comeback-chaos/xk6-comeback/harness/sweep"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
)

// incident is what a script passes to incident(). Its JSON form is index.d.ts' Incident.
type incident struct {
	Name      string            `json:"name"`
	ID        words             `json:"id"`
	Target    string            `json:"target"`
	Broker    string            `json:"broker"`
	Instances int               `json:"instances"`
	Needs     words             `json:"needs"`
	Programs  words             `json:"programs"`
	Links     words             `json:"links"`
	AI        aiworker.Script   `json:"ai"`
	Backends  backends          `json:"backends"`
	Load      offered           `json:"load"`
	Sweep     *swept            `json:"sweep"`
	Expect    expect            `json:"expect"`
	Catches   map[string]string `json:"catches"`
}

// backends is how each backend works, or just how many there are.
type backends []server.Spec

func (b *backends) UnmarshalJSON(text []byte) error {
	var n *int // null is no number
	if json.Unmarshal(text, &n) == nil && n != nil {
		if *n < 1 || *n > target.MaxBackends {
			return fmt.Errorf("backends: %d, want 1 to %d, or a list of them", *n, target.MaxBackends)
		}
		*b = make(backends, *n)
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil || list == nil {
		return fmt.Errorf("backends: %s, want how many there are, or a list of them", text)
	}
	*b = make(backends, len(list))
	for i, one := range list {
		if err := json.Unmarshal(one, &(*b)[i]); err != nil {
			return fmt.Errorf("backends[%d]: %w", i, err)
		}
	}
	return nil
}

type offered struct {
	Rate     float64  `json:"rate"`
	Duration duration `json:"duration"`
}

// swept is how a target is measured with several numbers of workers.
type swept struct {
	Workers []int    `json:"workers"`
	Rounds  int      `json:"rounds"`
	Path    string   `json:"path"`
	Clients int      `json:"clients"`
	Warm    duration `json:"warm"`
	Window  duration `json:"window"`
	Share   float64  `json:"share"`
}

func (s *swept) plan() *sweep.Plan {
	if s == nil {
		return nil
	}
	return &sweep.Plan{
		Counts: s.Workers, Rounds: s.Rounds, Path: s.Path, Clients: s.Clients,
		Warm: time.Duration(s.Warm), Window: time.Duration(s.Window), Share: s.Share,
	}
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
	Unanswered int              `json:"unanswered"`
	Errors     int              `json:"errors"`
	TurnedAway *turnedAway      `json:"turnedAway"`
	AskedAgain bool             `json:"askedAgain"`
	Retries    float64          `json:"retries"`
	Version    string           `json:"version"`
	Serves     string           `json:"serves"`
	Rotation   *rotation        `json:"rotation"`
	BackIn     duration         `json:"backIn"`
	Latency    *latency         `json:"latency"`
	Cached     float64          `json:"cached"`
	Fresh      float64          `json:"fresh"`
	Users      int              `json:"users"`
	Memory     int              `json:"memory"`
	Readers    *readers         `json:"readers"`
}

type readers struct {
	Min   duration `json:"min"`
	Max   duration `json:"max"`
	Whole int      `json:"whole"`
}

type serving struct {
	Share  float64  `json:"share"`
	Within duration `json:"within"`
}

type latency struct {
	P99  duration `json:"p99"`
	Path string   `json:"path"`
}

type rotation struct {
	Interval  duration `json:"interval"`
	Timeout   duration `json:"timeout"`
	Healthy   int      `json:"healthy"`
	Unhealthy int      `json:"unhealthy"`
	Exact     bool     `json:"exact"`
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

// turnedAway is bounds, or {min, max, within, status}.
type turnedAway history.TurnedAway

func (t *turnedAway) UnmarshalJSON(text []byte) error {
	var in struct {
		Min    json.RawMessage `json:"min"`
		Max    json.RawMessage `json:"max"`
		Within duration        `json:"within"`
		Status int             `json:"status"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || in.Within == 0 && in.Status == 0 {
		return json.Unmarshal(text, (*bounds)(&t.Range)) // it says what is wrong
	}
	if in.Status != 0 && in.Status != http.StatusTooManyRequests && in.Status != http.StatusServiceUnavailable || in.Within < 0 {
		return fmt.Errorf("turnedAway %s, want a status of 429 or 503, and a time within which", text)
	}
	t.Within, t.Status = time.Duration(in.Within), in.Status
	return json.Unmarshal(fmt.Appendf(nil, `{"min": %s, "max": %s}`, cmp.Or(string(in.Min), "-1"), cmp.Or(string(in.Max), "-1")), (*bounds)(&t.Range))
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
		AI: in.AI, Backends: in.Backends,
		Instances: in.Instances, Needs: in.Needs, Programs: in.Programs, Links: in.Links,
		Load:   harness.Load{Rate: in.Load.Rate, Duration: time.Duration(in.Load.Duration)},
		Sweep:  in.Sweep.plan(),
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
	h.Unanswered, h.Errors, h.TurnedAway, h.Retries = e.Unanswered, e.Errors, (*history.TurnedAway)(e.TurnedAway), e.Retries
	h.AskedAgain = e.AskedAgain
	h.Version, h.Serves, h.BackIn = e.Version, e.Serves, time.Duration(e.BackIn)
	h.Takeover, h.FairShare = time.Duration(e.Takeover), e.FairShare
	if e.Serving != nil {
		h.Serving = &history.Serving{Share: e.Serving.Share, Within: time.Duration(e.Serving.Within)}
	}
	if r := e.Rotation; r != nil {
		h.Rotation = &history.Rotation{Interval: time.Duration(r.Interval), Timeout: time.Duration(r.Timeout), Healthy: r.Healthy, Unhealthy: r.Unhealthy, Exact: r.Exact}
	}
	h.Fresh = e.Fresh
	h.Cached, h.Users, h.Memory = e.Cached, e.Users, e.Memory
	if r := e.Readers; r != nil {
		h.Readers = &history.Readers{Min: time.Duration(r.Min), Max: time.Duration(r.Max), Whole: r.Whole}
	}
	if e.Latency != nil {
		h.Latency = &history.Latency{P99: time.Duration(e.Latency.P99), Path: e.Latency.Path}
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
