package extension

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/fault"
)

// methods are those of a client, by the name that k6's http module has for them.
var methods = map[string]string{
	"get": "GET", "head": "HEAD", "post": "POST", "put": "PUT", "patch": "PATCH", "del": "DELETE", "options": "OPTIONS",
}

// client is run.client(http, good, whose): k6's own http module, pointed at the target, with each request and its
// answer in the history. good tells whether an answer is what was asked for; by default one below 400 is. whose
// names the user whom an answer is for; who asks is in Authorization, or in the cookie user.
func (m *module) client(k6 *sobek.Object, good, whose sobek.Callable) (*sobek.Object, error) {
	if k6 == nil {
		return nil, errors.New("run.client() wants k6's http module: import http from 'k6/http'")
	}
	send, ok := sobek.AssertFunction(k6.Get("request"))
	if !ok {
		return nil, errors.New("run.client() wants k6's http module: what it was given has no request()")
	}
	c := &client{module: m, http: k6, send: send, good: good, whose: whose}
	o := m.vu.Runtime().NewObject()
	for name, method := range methods {
		bodyless := method == "GET" || method == "HEAD"
		err := o.Set(name, func(path string, args ...sobek.Value) (sobek.Value, error) {
			var body, params sobek.Value
			if !bodyless && len(args) > 0 {
				body, args = args[0], args[1:]
			}
			if len(args) > 0 {
				params = args[0]
			}
			return c.request(method, path, body, params)
		})
		if err != nil {
			return nil, err
		}
	}
	return o, o.Set("request", c.request)
}

type client struct {
	*module
	http  *sobek.Object
	send  sobek.Callable
	good  sobek.Callable
	whose sobek.Callable
}

// request sends one request and waits for its answer, as k6's own does.
func (c *client) request(method, path string, body, params sobek.Value) (sobek.Value, error) {
	lab := c.session.running()
	if lab == nil {
		return nil, errNotStarted
	}
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("request of %q: want a path that begins with /, on the target", path)
	}
	rt := c.vu.Runtime()
	with, headers, err := c.copied(params)
	if err != nil {
		return nil, err
	}
	user := ""
	if c.whose != nil {
		user = userOf(headers)
	}
	id, err := lab.Ask(method, path, user)
	if err != nil {
		return nil, err
	}
	if err := headers.Set(upstream.RequestID, id.String()); err != nil {
		return nil, err
	}
	if body == nil {
		body = sobek.Null()
	}
	began := time.Now()
	res, err := c.send(c.http, rt.ToValue(method), rt.ToValue(lab.URL()+path), body, with)
	if err != nil {
		lab.Answered(id, harness.Answer{Wait: time.Since(began), Err: err.Error()})
		return nil, err
	}
	a, err := c.answer(res, time.Since(began))
	if err == nil {
		err = c.names(&a, res, user)
	}
	if err == nil || a.Status >= 400 { // what failed has, whatever the script could make of it
		a.Good = a.Good && err == nil
		lab.Answered(id, a)
	}
	if err != nil {
		return nil, err
	}
	return res, nil
}

// copied is the script's params, and the headers in them, with room for the request's id.
func (c *client) copied(params sobek.Value) (with, headers *sobek.Object, err error) {
	rt := c.vu.Runtime()
	with, headers = rt.NewObject(), rt.NewObject()
	copyInto := func(to *sobek.Object, from sobek.Value) error {
		if from == nil || sobek.IsUndefined(from) || sobek.IsNull(from) {
			return nil
		}
		o := from.ToObject(rt)
		for _, key := range o.Keys() {
			if err := to.Set(key, o.Get(key)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := copyInto(with, params); err != nil {
		return nil, nil, err
	}
	if err := copyInto(headers, with.Get("headers")); err != nil {
		return nil, nil, err
	}
	return with, headers, with.Set("headers", headers)
}

// userOf is who asks, as a backend sees it.
func userOf(headers *sobek.Object) string {
	h := http.Header{}
	for _, name := range headers.Keys() {
		h.Set(name, headers.Get(name).String())
	}
	return upstream.UserOf(h)
}

// names asks the script whose an answer is, and holds that against who asked: for nobody in particular nothing is made.
func (c *client) names(a *harness.Answer, res sobek.Value, user string) error {
	if c.whose == nil || a.Status == 0 {
		return nil
	}
	v, err := c.whose(sobek.Undefined(), res)
	if err != nil {
		return fmt.Errorf("whose an answer is: %w", err)
	}
	if v == nil || sobek.IsUndefined(v) || sobek.IsNull(v) || v.String() == "" {
		return nil // it is nobody's
	}
	a.Own, a.Leaked = v.String() == user, v.String() != user
	return nil
}

// answer reads what k6 says of a response.
func (c *client) answer(res sobek.Value, wait time.Duration) (harness.Answer, error) {
	rt := c.vu.Runtime()
	o := res.ToObject(rt)
	a := harness.Answer{Status: int(o.Get("status").ToInteger()), Wait: wait, Err: o.Get("error").String()}
	if a.Status == 0 {
		return a, nil
	}
	headers := o.Get("headers").ToObject(rt)
	text := func(name string) string {
		if v := headers.Get(name); v != nil {
			return v.String()
		}
		return ""
	}
	a.Version, a.Backend = text(upstream.VersionHeader), text(upstream.BackendHeader)
	a.Later = fault.Later(a.Status, text("Retry-After"))
	a.Good = a.Status < 400
	if c.good != nil {
		v, err := c.good(sobek.Undefined(), res)
		if err != nil {
			return a, fmt.Errorf("whether an answer is good: %w", err)
		}
		a.Good = v.ToBoolean()
	}
	return a, nil
}
