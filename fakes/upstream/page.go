package upstream

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Page is what is answered under a path. Its body says for whom it was made, and depends on nothing
// that differs between upstreams of one version, so that a shared cache may keep it.
type Page struct {
	Path         string          `json:"path,omitempty"`         // begin of the paths; empty: all
	Size         int             `json:"size,omitempty"`         // of the body at least, in bytes
	Edition      int             `json:"edition,omitempty"`      // of the content: another one has another ETag
	Every        script.Duration `json:"every,omitempty"`        // its edition grows by one each time that this has passed, by Unix time; 0: it stays
	ETag         bool            `json:"etag,omitempty"`         // and 304 to If-None-Match
	CacheControl string          `json:"cacheControl,omitempty"` // "max-age=60, must-revalidate"
	Vary         string          `json:"vary,omitempty"`         // header names; the body shows their values
	SetCookie    string          `json:"setCookie,omitempty"`
	Alike        bool            `json:"alike,omitempty"` // the same for every user; otherwise the body names the user
}

const maxSize = 1 << 40

func (p Page) check() error {
	if p.Size < 0 || p.Size > maxSize {
		return fmt.Errorf("size %d is out of range: want 0 to %d", p.Size, maxSize)
	}
	if err := script.CheckDelay("every", p.Every); err != nil {
		return err
	}
	for name, v := range map[string]string{"cacheControl": p.CacheControl, "vary": p.Vary, "setCookie": p.SetCookie} {
		if strings.ContainsAny(v, "\r\n") {
			return fmt.Errorf("%s %q has a line break", name, v)
		}
	}
	return nil
}

// page is the first that is for the path.
func (s Script) page(path string) Page {
	i := slices.IndexFunc(s.Pages, func(p Page) bool { return strings.HasPrefix(path, p.Path) })
	if i < 0 {
		return Page{}
	}
	return s.Pages[i]
}

// body is an answer's: a JSON object with so much padding in it that it is as long as it has to be,
// none of which is ever in memory.
type body struct {
	head string
	pad  int64
}

const tail = "\"}\n"

func (b body) size() int64 { return int64(len(b.head)) + b.pad + int64(len(tail)) }

// padded is the body with at least size bytes.
func (b body) padded(size int64) body {
	b.pad = max(0, size-int64(len(b.head))-int64(len(tail)))
	return b
}

// editionAt is the content's at a moment: any backend's is the same then.
func (p Page) editionAt(now time.Time) int {
	if p.Every == 0 {
		return p.Edition
	}
	return p.Edition + int(now.UnixNano()/int64(p.Every))
}

// body makes the page for a request.
func (p Page) body(r *http.Request, version, user string) body {
	content := struct {
		Method  string            `json:"method"`
		Path    string            `json:"path"`
		Version string            `json:"version"`
		User    string            `json:"user,omitempty"`
		Edition int               `json:"edition,omitempty"`
		Vary    map[string]string `json:"vary,omitempty"`
		Pad     string            `json:"pad"`
	}{Method: r.Method, Path: r.URL.RequestURI(), Version: version, Edition: p.editionAt(time.Now())}
	if r.Method == http.MethodHead {
		content.Method = http.MethodGet // its ETag is the same
	}
	if !p.Alike {
		content.User = user
	}
	for name := range strings.SplitSeq(p.Vary, ",") {
		name = strings.TrimSpace(name)
		if v := r.Header.Get(name); v != "" {
			if content.Vary == nil {
				content.Vary = map[string]string{}
			}
			content.Vary[name] = v
		}
	}
	data, err := json.Marshal(content)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return body{head: strings.TrimSuffix(string(data), `"}`)}.padded(int64(p.Size))
}

// headers sets the page's, and tells whether the caller has its content already.
func (p Page) headers(h http.Header, r *http.Request, b body) (known bool) {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	set(h, "Cache-Control", p.CacheControl)
	set(h, "Vary", p.Vary)
	set(h, "Set-Cookie", p.SetCookie)
	if !p.ETag || !read {
		return false
	}
	tag := fnv.New64a()
	fmt.Fprintf(tag, "%s %d", b.head, b.pad) // never fails
	etag := fmt.Sprintf(`"%016x"`, tag.Sum64())
	h.Set("ETag", etag)
	for _, given := range r.Header.Values("If-None-Match") {
		for one := range strings.SplitSeq(given, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == "*" || one == etag {
				return true
			}
		}
	}
	return false
}

func set(h http.Header, name, v string) {
	if v != "" {
		h.Set(name, v)
	}
}

// UserOf is who asks: the bearer token, the name of basic authentication, or the cookie "user".
func UserOf(h http.Header) string {
	if token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer "); ok {
		return token
	}
	r := http.Request{Header: h}
	if name, _, ok := r.BasicAuth(); ok {
		return name
	}
	if c, err := r.Cookie("user"); err == nil {
		return c.Value
	}
	return ""
}
