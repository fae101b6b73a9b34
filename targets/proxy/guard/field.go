package guard

import "math"

const (
	contentLength    = "content-length"
	transferEncoding = "transfer-encoding"
	longestExtension = 256 // bytes of a chunk's extension
	longestSize      = 15  // digits of a chunk's size: no number of so many is too large
)

func (s *scanner) fieldStart(b []byte) (int, Reason) {
	s.at, s.want, s.ended = 0, "", false
	switch b[0] {
	case '\r':
		s.state = blankLF
		return 1, ""
	case ' ', '\t':
		s.state = fieldValue
		return 1, Folding
	case 'c', 'C':
		s.want = contentLength
	case 't', 'T':
		s.want = transferEncoding
	}
	s.state = fieldName
	return s.fieldName(b)
}

func (s *scanner) fieldName(b []byte) (int, Reason) {
	for i, c := range b {
		if class[c]&token == 0 {
			return i + 1, s.nameStop(c)
		}
		if s.want != "" && (s.at == len(s.want) || c|0x20 != s.want[s.at]) {
			s.want = ""
		}
		s.at++
	}
	return len(b), ""
}

// nameStop takes a byte that is no part of a name.
func (s *scanner) nameStop(c byte) Reason {
	switch {
	case c == ':' && s.at > 0:
		return s.named()
	case c == ' ' || c == '\t':
		s.want = ""
		return SpaceBeforeColon
	case c == '\n':
		s.state = fieldStart
		return BareLF
	case c == '\r':
		s.state = fieldLF
		return BadName
	case class[c] == 0:
		return Control
	default:
		s.want = ""
		return BadName
	}
}

// named takes the colon after a name.
func (s *scanner) named() Reason {
	known := s.want != "" && s.at == len(s.want)
	s.at, s.state = 0, fieldValue
	switch {
	case !known:
		return ""
	case s.trailer:
		return BadTrailer
	case s.want == contentLength:
		again := s.hasLength
		s.state, s.left, s.hasLength = lengthValue, 0, true
		if again {
			return RepeatedLength
		}
	default:
		again := s.hasCoding
		s.state, s.hasCoding = codingValue, !s.old // HTTP/1.0 has no chunks
		if again || s.old {
			return BadCoding
		}
	}
	if s.hasLength && s.hasCoding {
		return BothLengths
	}
	return ""
}

func (s *scanner) lengthValue(b []byte) (int, Reason) {
	for i, c := range b {
		digit := uint64(c - '0')
		switch {
		case digit <= 9 && !s.ended && s.left <= (math.MaxInt64-digit)/10:
			s.left = s.left*10 + digit
			s.at++
		case c == ' ' || c == '\t':
			s.ended = s.at > 0
		case c == '\r' && s.at > 0:
			s.state = fieldLF
			return i + 1, ""
		default:
			return i + 1, s.valueStop(c, BadLength)
		}
	}
	return len(b), ""
}

func (s *scanner) codingValue(b []byte) (int, Reason) {
	const chunked = "chunked"
	for i, c := range b {
		switch {
		case s.at < len(chunked) && !s.ended && c|0x20 == chunked[s.at]:
			s.at++
		case c == ' ' || c == '\t':
			s.ended = s.at > 0
		case c == '\r' && s.at == len(chunked):
			s.state = fieldLF
			return i + 1, ""
		default:
			return i + 1, s.valueStop(c, BadCoding)
		}
	}
	return len(b), ""
}

func (s *scanner) fieldValue(b []byte) (int, Reason) {
	for i, c := range b {
		if class[c]&text == 0 {
			return i + 1, s.valueStop(c, "")
		}
	}
	return len(b), ""
}

// valueStop takes a byte that is no part of a value, or not of this one, which then is bad for the reason given.
func (s *scanner) valueStop(c byte, bad Reason) Reason {
	switch {
	case c == '\r':
		s.state = fieldLF
		return bad
	case c == '\n':
		s.state = fieldStart
		return BareLF
	}
	s.state = fieldValue
	if class[c]&text == 0 {
		return Control
	}
	return bad
}

func (s *scanner) chunkSize(b []byte) (int, Reason) {
	for i, c := range b {
		digit := hex[c]
		switch {
		case digit != 0 && s.at < longestSize:
			s.left = s.left<<4 | uint64(digit-1)
			s.at++
		case c == '\r' && s.at > 0:
			s.state = chunkSizeLF
			return i + 1, ""
		case c == ';' && s.at > 0:
			s.state, s.at = chunkExtension, 0
			return i + 1, ""
		default:
			return i + 1, BadChunk
		}
	}
	return len(b), ""
}

func (s *scanner) chunkExtension(b []byte) (int, Reason) {
	for i, c := range b {
		switch {
		case c == '\r':
			s.state = chunkSizeLF
			return i + 1, ""
		case class[c]&text == 0:
			return i + 1, BadChunk
		case s.at == longestExtension:
			return i + 1, LongExtension
		}
		s.at++
	}
	return len(b), ""
}

// hex is one more than what a digit is worth.
var hex = func() (t [256]uint8) {
	for i, c := range "0123456789abcdef" {
		t[c] = uint8(i) + 1
	}
	for i, c := range "ABCDEF" {
		t[c] = uint8(i) + 11
	}
	return t
}()
