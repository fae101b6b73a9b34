package guard

// Reason says why a request was refused.
type Reason string

// The reasons.
const (
	BadRequestLine   Reason = "bad request line"
	BothLengths      Reason = "both Content-Length and Transfer-Encoding"
	RepeatedLength   Reason = "Content-Length more than once"
	BadLength        Reason = "bad Content-Length"
	BadCoding        Reason = "Transfer-Encoding other than chunked"
	Folding          Reason = "header continued on the next line"
	BareLF           Reason = "LF without CR"
	BareCR           Reason = "CR without LF"
	Control          Reason = "control character"
	SpaceBeforeColon Reason = "space before the colon"
	BadName          Reason = "bad header name"
	BadChunk         Reason = "bad chunk"
	LongExtension    Reason = "chunk extension too long"
	BadTrailer       Reason = "framing in a trailer"
)

// Reasons lists all reasons.
var Reasons = []Reason{BadRequestLine, BothLengths, RepeatedLength, BadLength, BadCoding, Folding, BareLF, BareCR,
	Control, SpaceBeforeColon, BadName, BadChunk, LongExtension, BadTrailer}
