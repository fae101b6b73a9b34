package forward_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/forward"
)

func TestTheHeadOfARequest(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	l := newLab(t, func(_ http.ResponseWriter, r *http.Request) { got <- r })
	_, in := l.raw(t, `GET /a%2Fb?x=1;y&%zz HTTP/1.1
Host: shop.example
Connection: keep-alive, X-Secret-Hop
X-Secret-Hop: 1
Keep-Alive: timeout=5
Proxy-Authorization: Basic x
TE: trailers, deflate
X-Forwarded-For: 6.6.6.6
X-Forwarded-Port: 1
X-Real-IP: 6.6.6.6
X_Forwarded_For: 6.6.6.6
x-forwarded_proto: https
X_REAL_IP: 6.6.6.6
Proxy: http://6.6.6.6
X_Other: 1
Forwarded: for=6.6.6.6
Via: 1.0 before
X-Request-Id: r1
Cookie: c=1
Idempotency-Key: k

`)
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
	r := <-got
	require.Equal(t, "/a%2Fb?x=1;y&%zz", r.RequestURI, "as the client wrote it")
	require.Equal(t, "shop.example", r.Host)
	require.Equal(t, http.Header{"Te": {"trailers"}, "X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"},
		"X-Forwarded-Host": {"shop.example"}, "Via": {"1.0 before, 1.1 proxy"}, "X-Request-Id": {"r1"}, "Cookie": {"c=1"}, "X_other": {"1"},
		"Idempotency-Key": {"k"}}, r.Header)
}

func TestTargetsPassAsTheyAre(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	l := newLab(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.RequestURI })
	l.add(t, "b", l.all["a"].Spec().URL.String()+"/base%2F1")
	for _, target := range []string{"/", "//a//b", "/a/../b/./", "/a?", "/a??b", "/a%20b%2f", "/a;b=c,d", "/a?x=%zz;&&", "/%C3%A9", "/a:b@c/$&'()*+", "/?http://x/"} {
		for name, before := range map[string]string{"a": "", "b": "/base%2F1"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			u, err := url.ParseRequestURI(target)
			require.NoError(t, err)
			r.URL, r.RequestURI = u, target
			l.Pool.Picker = only{name}
			l.ServeHTTP(w, r)
			require.Equal(t, 200, w.Code)
			require.Equal(t, before+target, <-got)
		}
	}
}

// only picks the backend of that name.
type only struct{ name string }

func (o only) Pick(in, _ []*backend.Backend) *backend.Backend {
	return in[slices.IndexFunc(in, func(b *backend.Backend) bool { return b.Name() == o.name })]
}

func TestABackendThatSpeaksHTTP2(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Set("Content-Length", "13")
		fmt.Fprint(w, r.Proto, string(body))
		w.Header().Set("X-Sum", "1")
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	l.Pool.Transport = func(s *backend.Spec) http.RoundTripper {
		h2 := *s
		h2.H2C = true
		return forward.Transport(&h2, within, within)
	}
	l.add(t, "a", s.URL)
	for _, method := range []string{"PUT", "POST"} {
		res, body := l.do(t, method, "/", strings.NewReader("hello"))
		require.Equal(t, "HTTP/2.0hello", body)
		require.Equal(t, "2.0 proxy", res.Header.Get("Via"))
		require.Equal(t, "1", res.Trailer.Get("X-Sum"))
	}
	require.NoError(t, l.Pool.Remove("a", "asked", 0, true))
}

func TestATrustedProxyBeforeUs(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	l := newLab(t, func(_ http.ResponseWriter, r *http.Request) { got <- r })
	l.Head.Trust = true
	l.do(t, "GET", "/", nil, "X-Forwarded-For", "1.2.3.4", "X-Forwarded-Proto", "https")
	r := <-got
	require.Equal(t, "1.2.3.4, 127.0.0.1", r.Header.Get("X-Forwarded-For"))
	require.Equal(t, "https", r.Header.Get("X-Forwarded-Proto"))
}

func TestTheHeadOfAnAnswer(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=1", "b=2"}
		w.Header().Set("Connection", "X-Internal")
		w.Header().Set("X-Internal", "1")
		w.Header().Set("Keep-Alive", "timeout=1")
		w.Header().Set("Via", "1.1 app")
		w.WriteHeader(201)
	})
	res, _ := l.do(t, "GET", "/", nil)
	require.Equal(t, 201, res.StatusCode)
	res.Header.Del("Date")
	require.Equal(t, http.Header{"Set-Cookie": {"a=1", "b=2"}, "Via": {"1.1 app, 1.1 proxy"}, "Content-Length": {"0"},
		"X-Served-By": {"a"}, "X-Served-Version": {"v1"}}, res.Header)
	l.Head.ServedBy = false
	res, _ = l.do(t, "GET", "/", nil)
	require.Empty(t, res.Header["X-Served-By"])
}

func TestBodiesAndTrailersPassBothWays(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprintf(w, "%d %v %s", len(body), r.ContentLength, r.TransferEncoding)
		w.Header().Set("X-Sum", r.Trailer.Get("X-Up"))
		w.Header().Set(http.TrailerPrefix+"X-Late", "1")
	})
	big := strings.Repeat("x", 300<<10)
	for _, method := range []string{"POST", "PUT"} {
		_, body := l.do(t, method, "/", strings.NewReader(big))
		require.Equal(t, "307200 307200 []", body)
		_, body = l.do(t, method, "/", strings.NewReader("small"))
		require.Equal(t, "5 5 []", body)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", l.front.URL, io.MultiReader(strings.NewReader(big)))
	require.NoError(t, err)
	r.Trailer = http.Header{"X-Up": {"sum"}}
	res, err := l.front.Client().Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, "307200 -1 [chunked]", string(body))
	require.Equal(t, http.Header{"X-Sum": {"sum"}, "X-Late": {"1"}}, res.Trailer)
}

func TestHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Proto, r.Header["Via"], string(body))
	})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Post(l.front.URL, "text/plain", strings.NewReader("hello"))
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1[2.0 proxy]hello", string(body))
	require.Equal(t, "HTTP/2.0", res.Proto)
	require.Equal(t, "1.1 proxy", res.Header.Get("Via"))
}

func TestInterimAnswersPass(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		fmt.Fprint(w, "page")
	})
	hints := make(chan textproto.MIMEHeader, 1)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, h textproto.MIMEHeader) error { hints <- h; return nil }})
	r, err := http.NewRequestWithContext(ctx, "GET", l.front.URL, nil)
	require.NoError(t, err)
	res, err := l.front.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, "</style.css>", (<-hints).Get("Link"))
	require.Empty(t, res.Header["Link"])
}

func TestExpectContinueGoesThrough(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(413)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	for _, method := range []string{"POST", "PUT"} {
		conn, in := l.raw(t, method+" / HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 5\n\n")
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 100 Continue\r\n", line, method)
		_, err = in.ReadString('\n')
		require.NoError(t, err)
		_, err = io.WriteString(conn, "hello")
		require.NoError(t, err)
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, "hello", string(body))
	}
	_, in := l.raw(t, "POST /no HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 5\n\n")
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 413, res.StatusCode, "the backend refused before the body was sent")
}

func TestEventsComeAsTheyHappen(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	l := newLab(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.(http.Flusher).Flush()
		for e := range next {
			fmt.Fprintf(w, "data: %s\n\n", e)
			w.(http.Flusher).Flush()
		}
	})
	res, err := l.front.Client().Get(l.front.URL) // there before the first event
	require.NoError(t, err)
	in := bufio.NewReader(res.Body)
	for _, e := range []string{"one", "two"} {
		next <- e
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "data: "+e+"\n", line)
		_, _ = in.ReadString('\n')
	}
	close(next)
	require.NoError(t, res.Body.Close())
}

func TestAnswersWithoutABody(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "HEAD":
			w.Header().Set("Content-Length", "1000")
		case r.URL.Path == "/304":
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(304)
		default:
			w.WriteHeader(204)
		}
	})
	res, body := l.do(t, "HEAD", "/", nil)
	require.EqualValues(t, 1000, res.ContentLength)
	require.Empty(t, body)
	res, _ = l.do(t, "GET", "/304", nil, "If-None-Match", `"x"`)
	require.Equal(t, 304, res.StatusCode)
	require.Equal(t, `"x"`, res.Header.Get("ETag"))
	res, _ = l.do(t, "GET", "/", nil)
	require.Equal(t, 204, res.StatusCode)
}

func TestTheCopierIsAPartOfItsOwn(t *testing.T) {
	t.Parallel()
	l := newLab(t, ok)
	l.Copy = func(dst http.ResponseWriter, src io.ReadCloser, _ bool) (int64, error) {
		body, err := io.ReadAll(src)
		if err != nil {
			return 0, err
		}
		require.NoError(t, src.Close())
		require.Zero(t, l.all["a"].Active(), "the backend is free before the client has it all")
		n, err := dst.Write(bytes.ToUpper(body))
		return int64(n), err
	}
	_, body := l.do(t, "GET", "/", nil)
	require.Equal(t, "OK", body)
	require.Zero(t, l.all["a"].Active())
}

func TestAClientThatGoesEndsItsRequest(t *testing.T) {
	t.Parallel()
	began, ended := make(chan bool), make(chan bool)
	l := newLab(t, func(_ http.ResponseWriter, r *http.Request) { close(began); <-r.Context().Done(); close(ended) })
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-began; leave() }()
	r, err := http.NewRequestWithContext(ctx, "GET", l.front.URL, nil)
	require.NoError(t, err)
	_, err = l.front.Client().Do(r)
	require.ErrorIs(t, err, context.Canceled)
	<-ended
	require.Eventually(t, func() bool { return l.all["a"].Active() == 0 }, within, 1e6)
	require.Equal(t, []string{"client-gone"}, l.told())
	require.Empty(t, l.noted(), "that was not the backend's fault")
}
