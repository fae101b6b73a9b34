package guard

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	get  = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
	post = "POST /a HTTP/1.1\r\nHost: a\r\n"
)

// passes are heads and bodies that every server understands alike.
var passes = map[string]string{
	"nothing":         "",
	"get":             get,
	"two":             get + get,
	"http/1.0":        "GET / HTTP/1.0\r\n\r\n",
	"length":          post + "Content-Length: 5\r\n\r\nhello" + get,
	"length nought":   post + "Content-Length: 0\r\n\r\n" + get,
	"length, spaces":  post + "cONTENT-lENGTH: \t 5 \t \r\n\r\nhello" + get,
	"chunked":         post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00a;x=\"y z\"\r\n0123456789\r\n0\r\n\r\n" + get,
	"chunked, case":   post + "transfer-encoding:\tChunked \r\n\r\n0\r\n\r\n" + get,
	"trailer":         post + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\n\n\r\n0\r\nX-Sum: 1\r\n\r\n" + get,
	"names alike":     post + "Content-Lengths: 5\r\nTransfer-Encodin: x\r\nContent-: 6\r\n\r\n" + get,
	"empty value":     "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n",
	"obs-text":        "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n",
	"h2 preface":      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00",
	"body like heads": post + "Content-Length: 30\r\n\r\nGET / HTTP/1.1\r\nHost : b\r\n\r\n\r\n" + get,
}

// refused are what has been used to smuggle requests, and what may be.
var refused = map[string]struct {
	reason Reason
	in     string
}{
	"length, then chunked":   {BothLengths, post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	"chunked, then length":   {BothLengths, post + "Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
	"length nought, chunked": {BothLengths, post + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	"two lengths":            {RepeatedLength, post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
	"one length twice":       {RepeatedLength, post + "Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello"},
	"list of lengths":        {BadLength, post + "Content-Length: 5, 5\r\n\r\nhello"},
	"length with sign":       {BadLength, post + "Content-Length: +5\r\n\r\nhello"},
	"length below nought":    {BadLength, post + "Content-Length: -5\r\n\r\nhello"},
	"length in hex":          {BadLength, post + "Content-Length: 0x5\r\n\r\nhello"},
	"length with gap":        {BadLength, post + "Content-Length: 1 0\r\n\r\nhello"},
	"no length":              {BadLength, post + "Content-Length: \r\n\r\n"},
	"length too large":       {BadLength, post + "Content-Length: 9223372036854775808\r\n\r\n"},
	"other coding":           {BadCoding, post + "Transfer-Encoding: xchunked\r\n\r\n"},
	"coding and more":        {BadCoding, post + "Transfer-Encoding: chunkedx\r\n\r\n"},
	"two codings":            {BadCoding, post + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
	"identity":               {BadCoding, post + "Transfer-Encoding: identity\r\n\r\n"},
	"no coding":              {BadCoding, post + "Transfer-Encoding:\r\n\r\n"},
	"coding twice":           {BadCoding, post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	"coding, then cow":       {BadCoding, post + "Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n"},
	"quoted coding":          {BadCoding, post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
	"vertical tab":           {Control, post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"},
	"coding in 1.0":          {BadCoding, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	"space before colon":     {SpaceBeforeColon, post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
	"tab before colon":       {SpaceBeforeColon, post + "Content-Length\t: 5\r\n\r\nhello"},
	"folded coding":          {BadCoding, post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
	"folded":                 {Folding, post + "X: y\r\n\tz\r\n\r\n"},
	"first line folded":      {Folding, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
	"folded length":          {Folding, post + "Content-Length: 5\r\n 0\r\n\r\nhello"},
	"LF after value":         {BareLF, post + "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	"LF after name":          {BareLF, post + "X\nY: z\r\n\r\n"},
	"LF after length":        {BareLF, post + "Content-Length: 5\n\r\nhello"},
	"LF after coding":        {BareLF, post + "Transfer-Encoding: chunked\n\r\n0\r\n\r\n"},
	"LF after request line":  {BareLF, "GET / HTTP/1.1\nHost: a\r\n\r\n"},
	"blank LF":               {BareLF, "GET / HTTP/1.1\r\nHost: a\r\n\n"},
	"CR in value":            {BareCR, post + "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	"CR CR LF":               {BareCR, post + "X: y\r\r\n\r\n"},
	"NUL in value":           {Control, post + "X: y\x00\r\n\r\n"},
	"NUL in name":            {Control, post + "X\x00: y\r\n\r\n"},
	"NUL in target":          {Control, "GET /\x00 HTTP/1.1\r\n\r\n"},
	"DEL in value":           {Control, post + "X: \x7f\r\n\r\n"},
	"tab in request line":    {Control, "GET\t/ HTTP/1.1\r\n\r\n"},
	"name and no more":       {BadName, post + "X\r\n\r\n"},
	"name with brackets":     {BadName, post + "X[]: y\r\n\r\n"},
	"no name":                {BadName, post + ": y\r\n\r\n"},
	"name in UTF-8":          {BadName, post + "Transfer-\xc4\xb1: y\r\n\r\n"},
	"gap in target":          {BadRequestLine, "GET /a b HTTP/1.1\r\n\r\n"},
	"two spaces":             {BadRequestLine, "GET / HTTP/1.1 HTTP/1.1\r\n\r\n"},
	"space first":            {BadRequestLine, " GET / HTTP/1.1\r\n\r\n"},
	"space last":             {BadRequestLine, "GET / HTTP/1.1 \r\n\r\n"},
	"HTTP/0.9":               {BadRequestLine, "GET /\r\n"},
	"HTTP/1.2":               {BadRequestLine, "GET / HTTP/1.2\r\n\r\n"},
	"HTTP/2.0":               {BadRequestLine, "GET / HTTP/2.0\r\n\r\n"},
	"h2 preface later":       {BadRequestLine, get + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	"h2 preface, then not":   {BadRequestLine, "PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n"},
	"line's end first":       {BadRequestLine, "\r\n" + get},
	"chunk without size":     {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n\r\n"},
	"chunk size with space":  {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n"},
	"chunk size in 0x":       {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"},
	"chunk size negative":    {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"},
	"chunk size too long":    {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n0000000000000005\r\nhello\r\n0\r\n\r\n"},
	"chunk size LF":          {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"},
	"chunk too short":        {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhell\r\n0\r\n\r\n"},
	"chunk too long":         {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n"},
	"chunk ends in LF":       {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n"},
	"chunk ends in CR":       {BareCR, post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\rX0\r\n\r\n"},
	"extension with LF":      {BadChunk, post + "Transfer-Encoding: chunked\r\n\r\n5;x\nhello\r\n0\r\n\r\n"},
	"extension with CR":      {BareCR, post + "Transfer-Encoding: chunked\r\n\r\n5;x\ry\r\nhello\r\n0\r\n\r\n"},
	"extension too long":     {LongExtension, post + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("x", 257) + "\r\nhello\r\n0\r\n\r\n"},
	"length as trailer":      {BadTrailer, post + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\nhello"},
	"coding as trailer":      {BadTrailer, post + "Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"},
	"folded trailer":         {Folding, post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n z\r\n\r\n"},
	"second request":         {BothLengths, get + post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
}

func TestScan(t *testing.T) {
	t.Parallel()
	for name, in := range passes {
		n, reason := (&scanner{first: true}).scan([]byte(in))
		require.Empty(t, reason, "%s: %q", name, in[:min(n, len(in))])
		require.Equal(t, len(in), n, name)
	}
	seen := map[Reason]bool{}
	for name, c := range refused {
		n, reason := (&scanner{first: true}).scan([]byte(c.in))
		require.Equal(t, c.reason, reason, "%s: after %q", name, c.in[:n])
		require.Less(t, n, len(c.in), name)
		seen[reason] = true
	}
	for _, r := range Reasons {
		require.True(t, seen[r], "no test of %q", r)
	}
}

// What is allowed does not stop a scan; everything else still does.
func TestAllow(t *testing.T) {
	t.Parallel()
	for name, c := range refused {
		s := scanner{first: true, allow: func(r Reason) bool { return r == c.reason }}
		_, reason := s.scan([]byte(c.in))
		require.NotEqual(t, c.reason, reason, name)
		s = scanner{first: true, allow: func(r Reason) bool { return r != c.reason }}
		_, reason = s.scan([]byte(c.in))
		require.Equal(t, c.reason, reason, name)
	}
}

// view is what a reader makes of a connection.
type view struct {
	bodies []string // of the requests that are complete
	part   string   // of the body of one that is not
	whole  bool     // nothing is left over
}

// guardView reads byte by byte, and tells from the states what the guard takes for requests and bodies. It
// gives what a server is to see: what may pass, and the poison after it.
func guardView(in []byte) (v view, served []byte, reason Reason) {
	s := scanner{first: true}
	var b strings.Builder
	defer func() { v.part = b.String() }()
	for i := range in {
		counted := s.state == body || s.state == chunk
		if n, r := s.scan(in[i : i+1]); r != "" {
			if n != 0 {
				panic("a refused byte passed")
			}
			return v, append(bytes.Clone(in[:i]), poison...), r
		}
		if counted {
			b.WriteByte(in[i])
		}
		if s.state == requestLine && s.at == 0 && s.spaces == 0 && s.lo == 0 {
			v.bodies = append(v.bodies, b.String())
			b.Reset()
		}
	}
	v.whole = s.state == requestLine && s.lo == 0 && s.at == 0
	return v, in, ""
}

// netView is what net/http makes of it.
func netView(in []byte) (v view, err error) {
	r := bufio.NewReader(bytes.NewReader(in))
	for {
		if _, err := r.Peek(1); err == io.EOF {
			v.whole = true
			return v, nil
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			return v, err
		}
		b, err := io.ReadAll(req.Body)
		if err != nil {
			v.part = string(b)
			return v, err
		}
		v.bodies = append(v.bodies, string(b))
	}
}

// agree holds that net/http sees no request and no body other than the guard does.
func agree(t require.TestingT, in []byte) {
	if bytes.HasPrefix(in, []byte("PRI * HTTP/2.0\r\n")) {
		return // net/http's reader has no preface, its server does
	}
	guard, served, reason := guardView(in)
	seen, err := netView(served)
	require.LessOrEqual(t, len(seen.bodies), len(guard.bodies), "%q: net/http sees more requests: %q", served, seen.bodies)
	require.Equal(t, guard.bodies[:len(seen.bodies)], append(guard.bodies[:0:0], seen.bodies...), "%q", served)
	if reason != "" {
		require.True(t, len(seen.bodies) < len(guard.bodies) || strings.HasPrefix(guard.part, seen.part), "%q: net/http reads %q as body", served, seen.part)
		require.Error(t, err, "%q: refused (%s), and yet net/http goes on", served, reason)
	} else if err == nil {
		require.Equal(t, guard, seen, "%q", served)
	}
}

func TestAgreesWithNetHTTP(t *testing.T) {
	t.Parallel()
	for _, in := range passes {
		agree(t, []byte(in))
	}
	for _, c := range refused {
		agree(t, []byte(c.in))
	}
}

func FuzzAgreesWithNetHTTP(f *testing.F) {
	for _, in := range passes {
		f.Add([]byte(in))
	}
	for _, c := range refused {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) { agree(t, in) })
}

// FuzzSplit holds that it does not matter in which pieces the bytes come.
func FuzzSplit(f *testing.F) {
	for _, c := range refused {
		f.Add([]byte(c.in), uint16(7))
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		whole := scanner{first: true}
		n, reason := whole.scan(in)
		cut := min(int(at), len(in))
		parts := scanner{first: true}
		m, got := parts.scan(in[:cut])
		if got == "" {
			var more int
			more, got = parts.scan(in[cut:])
			m += more
		}
		require.Equal(t, reason, got)
		require.Equal(t, n, m)
		if reason == "" {
			whole.allow, parts.allow = nil, nil
			require.Equal(t, whole, parts)
		}
	})
}

// Requests as a correct client writes them always pass, and are the same for net/http.
func TestCorrectRequestsPass(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var in bytes.Buffer
		var bodies []string
		for range rapid.IntRange(1, 4).Draw(t, "requests") {
			b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body")
			req, err := http.NewRequest(rapid.SampledFrom([]string{"GET", "POST", "PUT"}).Draw(t, "method"), "http://a/b?c=%20d", bytes.NewReader(b))
			require.NoError(t, err)
			if rapid.Bool().Draw(t, "chunked") {
				req.ContentLength = -1
				req.Trailer = http.Header{"X-Sum": {"1"}}
			}
			for range rapid.IntRange(0, 5).Draw(t, "fields") {
				req.Header.Add(rapid.StringMatching(`[A-Za-z0-9-]{1,20}`).Draw(t, "name"), rapid.StringMatching(`[ -~]{0,40}`).Draw(t, "value"))
			}
			for _, own := range []string{"Transfer-Encoding", "Content-Length", "Trailer", "Host"} {
				req.Header.Del(own)
			}
			require.NoError(t, req.Write(&in))
			bodies = append(bodies, string(b))
		}
		guard, _, reason := guardView(in.Bytes())
		require.Empty(t, reason, "%q", in.String())
		require.Equal(t, view{bodies: bodies, whole: true}, guard)
		agree(t, in.Bytes())
	})
}
