package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// Proxy is a Balancer by the admin API of targets/proxy.
type Proxy struct {
	Admin   string         // http://host:port
	Backend map[string]any // what each backend is given beside name, URL and version: {"health": {"path": "/up"}}
	Force   bool           // also what the proxy refuses, to drain the last healthy one
	Client  *http.Client   // nil: http.DefaultClient; each request has 5 s
}

// proxyLimit bounds a request to the admin API.
const proxyLimit = 5 * time.Second

// Register implements Balancer.
func (p *Proxy) Register(ctx context.Context, name, url, version string) error {
	entry := maps.Clone(p.Backend)
	if entry == nil {
		entry = map[string]any{}
	}
	entry["url"], entry["version"] = url, version
	body, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("register %s: %w", name, err)
	}
	if _, err := p.ask(ctx, http.MethodPut, "/backends/"+path(name), body, nil); err != nil {
		return fmt.Errorf("register %s: %w", name, err)
	}
	return nil
}

// Deregister implements Balancer. The proxy refuses to drain the last healthy backend.
func (p *Proxy) Deregister(ctx context.Context, name string, deadline time.Duration) error {
	where := "/backends/" + path(name) + "?deadline=" + deadline.String()
	if p.Force {
		where += "&force=true"
	}
	status, err := p.ask(ctx, http.MethodDelete, where, nil, nil)
	if err != nil && status != http.StatusNotFound {
		return fmt.Errorf("deregister %s: %w", name, err)
	}
	return nil
}

// Backends implements Balancer.
func (p *Proxy) Backends(ctx context.Context) (map[string]Backend, error) {
	var list []struct {
		Name   string `json:"name"`
		State  string `json:"state"`
		Reason string `json:"reason"`
		Check  *struct {
			OK   bool   `json:"ok"`
			What string `json:"what"`
		} `json:"check"`
	}
	if _, err := p.ask(ctx, http.MethodGet, "/backends", nil, &list); err != nil {
		return nil, err
	}
	backends := map[string]Backend{}
	for _, b := range list {
		one := Backend{State: proxyState(b.State), Reason: b.Reason}
		if b.Check != nil && (one.State == Starting || one.State == Unhealthy && !b.Check.OK) {
			one.Reason = b.Check.What // what is wrong now: the reason is that of the last change, such as a boot that took its time
		}
		if had, ok := backends[b.Name]; !ok || had.State == Leaving {
			backends[b.Name] = one // a name may be there twice: one that drains, and its successor
		}
	}
	return backends, nil
}

func proxyState(state string) State {
	switch state {
	case "healthy":
		return Healthy
	case "starting":
		return Starting
	case "draining", "drained":
		return Leaving
	}
	return Unhealthy // unhealthy, or ejected for its answers
}

// ask sends a request and reads the answer into v, unless that is nil.
func (p *Proxy) ask(ctx context.Context, method, where string, body []byte, v any) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, proxyLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.Admin+where, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	client := p.Client
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return res.StatusCode, err
	}
	if res.StatusCode/100 != 2 {
		return res.StatusCode, fmt.Errorf("%s %s: %s: %s", method, where, res.Status, bytes.TrimSpace(data))
	}
	if v == nil {
		return res.StatusCode, nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return res.StatusCode, fmt.Errorf("%s %s: %w", method, where, err)
	}
	return res.StatusCode, nil
}

func path(name string) string { return url.PathEscape(name) }
