package guard

// state is what the next byte belongs to.
type state uint8

const (
	requestLine state = iota
	requestLF
	fieldStart // first byte of a header line, or the blank line
	fieldName
	lengthValue // of Content-Length
	codingValue // of Transfer-Encoding
	fieldValue  // of any other
	fieldLF
	blankLF
	body // counted by Content-Length
	chunkSize
	chunkExtension
	chunkSizeLF
	chunk // counted by its size
	chunkCR
	chunkLF
	preface // of HTTP/2
	passed  // nothing more to look at
)

// scanner follows the requests on one connection. It keeps a few numbers and none of the bytes.
type scanner struct {
	allow func(Reason) bool
	state state

	first     bool // request on the connection
	trailer   bool // the header lines come after the chunks
	hasLength bool
	hasCoding bool
	old       bool // HTTP/1.0
	ended     bool // only white space may come before the end of the value

	at     int    // bytes of the part so far
	spaces int    // in the request line
	hi, lo uint64 // the last 16 bytes of the request line
	want   string // the name that this one may yet turn out to be
	left   uint64 // bytes of the body or chunk
}

// scan looks at the next bytes. It gives how many of them may pass, and the reason if not all do.
func (s *scanner) scan(b []byte) (int, Reason) {
	for n := 0; n < len(b); {
		m, reason := s.step(b[n:])
		n += m
		if reason != "" && (s.allow == nil || !s.allow(reason)) {
			return n - 1, reason // the last byte is the one too much
		}
	}
	return len(b), ""
}

// step takes at least one byte, and as many as it can. With a reason, the last one is refused; the state
// is then such that it can be passed nevertheless.
func (s *scanner) step(b []byte) (int, Reason) {
	switch s.state {
	case requestLine:
		return s.requestLine(b)
	case requestLF, fieldLF, chunkSizeLF, blankLF, chunkLF:
		return 1, s.lineFeed(b[0])
	case fieldStart:
		return s.fieldStart(b)
	case fieldName:
		return s.fieldName(b)
	case lengthValue:
		return s.lengthValue(b)
	case codingValue:
		return s.codingValue(b)
	case fieldValue:
		return s.fieldValue(b)
	case body, chunk:
		return s.skip(b), ""
	case chunkSize:
		return s.chunkSize(b)
	case chunkExtension:
		return s.chunkExtension(b)
	case chunkCR:
		s.state = chunkLF
		if b[0] != '\r' {
			return 1, BadChunk
		}
		return 1, ""
	case preface:
		return 1, s.preface(b[0])
	default:
		return len(b), ""
	}
}

const (
	token = 1 << iota // may be in a name
	text              // may be in a value
)

// class tells what a byte may be in.
var class = func() (t [256]uint8) {
	for c := range t {
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[c] |= text
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		t[c] |= token
	}
	return t
}()

// The ends of a request line, as numbers.
const (
	http10  = 0x485454502f312e30 // HTTP/1.0
	http11  = 0x485454502f312e31 // HTTP/1.1
	http20  = 0x485454502f322e30 // HTTP/2.0
	priStar = 0x505249202a20     // PRI * and a space
)

func (s *scanner) requestLine(b []byte) (int, Reason) {
	hi, lo := s.hi, s.lo
	for i, c := range b {
		if c > ' ' && c != 0x7f {
			hi, lo = hi<<8|lo>>56, lo<<8|uint64(c)
			continue
		}
		s.at += i
		s.hi, s.lo = hi, lo
		return i + 1, s.requestStop(c)
	}
	s.at += len(b)
	s.hi, s.lo = hi, lo
	return len(b), ""
}

// requestStop takes a byte of the request line that is no part of a word.
func (s *scanner) requestStop(c byte) Reason {
	switch {
	case c == ' ' && s.at > 0 && s.spaces < 2:
		s.hi, s.lo = s.hi<<8|s.lo>>56, s.lo<<8|uint64(c)
		s.spaces++
		s.at++
		return ""
	case c == '\r':
		s.state = requestLF
		s.old = s.lo == http10
		known := s.lo == http11 || s.old
		if s.first && s.at == len("PRI * HTTP/2.0") && s.hi == priStar && s.lo == http20 {
			s.state, s.at = preface, 1
			return ""
		}
		if s.spaces != 2 || !known || byte(s.hi) != ' ' {
			return BadRequestLine
		}
		return ""
	case c == '\n':
		s.state = fieldStart
		return BareLF
	case c == ' ':
		return BadRequestLine
	default:
		return Control
	}
}

func (s *scanner) preface(c byte) Reason {
	const rest = "\r\n\r\nSM\r\n\r\n"
	ok := c == rest[s.at]
	s.at++
	if s.at == len(rest) || !ok {
		s.state = passed
	}
	if !ok {
		return BadRequestLine
	}
	return ""
}

// lineFeed takes the byte after a CR.
func (s *scanner) lineFeed(c byte) Reason {
	if c != '\n' {
		return BareCR // and still no line's end
	}
	switch s.state {
	case blankLF:
		s.headEnd()
	case chunkLF:
		s.state, s.at, s.left = chunkSize, 0, 0
	case chunkSizeLF:
		s.state, s.trailer = chunk, s.left == 0
		if s.trailer {
			s.state = fieldStart
		}
	default:
		s.state = fieldStart
	}
	return ""
}

// headEnd decides what comes after the blank line.
func (s *scanner) headEnd() {
	switch {
	case s.trailer:
	case s.hasCoding:
		s.state, s.at, s.left = chunkSize, 0, 0
		return
	case s.hasLength && s.left > 0:
		s.state = body
		return
	}
	s.next()
}

// next is the end of a request.
func (s *scanner) next() { *s = scanner{allow: s.allow} }

func (s *scanner) skip(b []byte) int {
	n := min(uint64(len(b)), s.left)
	s.left -= n
	switch {
	case s.left > 0:
	case s.state == chunk:
		s.state = chunkCR
	default:
		s.next()
	}
	return int(n)
}
