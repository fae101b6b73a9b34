// Package admin is the HTTP API by which operators and deploys look at the backends and change them. API
// is its central type. It is meant for a listener that only this machine can reach, and refuses what a
// browser sends from a page elsewhere.
package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

// API changes a pool.
type API struct {
	Pool   *backend.Pool
	Reload func() (backend.Outcome, error) // reads the file of backends again
	Events *Events
}

// bodyLimit is far more than a backend needs.
const bodyLimit = 64 << 10

// Handler serves the API:
//
//	GET    /backends                        state, since when, why, checks
//	PUT    /backends/{name}                 add or change; a JSON object as an entry of the file, what is not given stays
//	DELETE /backends/{name}?deadline=30s    drain, then forget; &force=true also the last healthy one
//	POST   /reload                          read the file again, which then is what holds: what was PUT and is not in it goes
//	GET    /events                          the last changes, oldest first
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /backends", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, a.Pool.List()) })
	mux.HandleFunc("PUT /backends/{name}", a.put)
	mux.HandleFunc("DELETE /backends/{name}", a.remove)
	mux.HandleFunc("POST /reload", a.reload)
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, a.Events.List()) })
	return local(http.NewCrossOriginProtection().Handler(mux))
}

// local refuses a request that was meant for another host: that is how a page elsewhere gets past the protection, with
// a name of its own that it makes point to this machine.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			refuse(w, http.StatusMisdirectedRequest, fmt.Errorf("host %q: the admin API is asked by a loopback address or localhost only", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) put(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("read the body: %w", err))
		return
	}
	if _, err := query(r); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if !json.Valid(body) {
		refuse(w, http.StatusBadRequest, errors.New(`want a JSON object such as {"url": "http://127.0.0.1:9001"}`))
		return
	}
	name := r.PathValue("name")
	spec, err := backend.ParseOne(body, name, a.Pool.Find(name))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, a.Pool.Put(spec))
}

func (a *API) remove(w http.ResponseWriter, r *http.Request) {
	q, err := query(r, "deadline", "force")
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	deadline := a.Pool.Drain
	if text := q.Get("deadline"); text != "" {
		if deadline, err = time.ParseDuration(text); err != nil || deadline < 0 {
			refuse(w, http.StatusBadRequest, fmt.Errorf("deadline: %q is not a duration such as 10s", text))
			return
		}
	}
	force := false
	if text := q.Get("force"); text != "" {
		if force, err = strconv.ParseBool(text); err != nil {
			refuse(w, http.StatusBadRequest, fmt.Errorf("force: %q is not true or false", text))
			return
		}
	}
	name := r.PathValue("name")
	switch err := a.Pool.Remove(name, "removed by the admin API", deadline, force); {
	case errors.Is(err, backend.ErrUnknown):
		refuse(w, http.StatusNotFound, err)
	case errors.Is(err, backend.ErrLast):
		refuse(w, http.StatusConflict, fmt.Errorf("%q is not drained: %w; force=true does it all the same", name, err))
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
	default:
		answer(w, http.StatusAccepted, backend.Outcome{Added: []string{}, Changed: []string{}, Gone: []string{name}})
	}
}

func (a *API) reload(w http.ResponseWriter, _ *http.Request) {
	out, err := a.Reload()
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, fmt.Errorf("nothing was changed: %w", err))
		return
	}
	answer(w, http.StatusOK, out)
}

// query gives the parameters, of which only those named may be there.
func query(r *http.Request, names ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
next:
	for got := range q {
		for _, n := range names {
			if got == n {
				continue next
			}
		}
		return nil, fmt.Errorf("query: no parameter %q here", got)
	}
	return q, nil
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone cannot be told
}

func refuse(w http.ResponseWriter, code int, err error) {
	answer(w, code, map[string]string{"error": err.Error()})
}
