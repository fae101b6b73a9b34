package load

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Options configure a Publisher. URL and Queue must be set; the zero value of the rest works.
type Options struct {
	URL    string                                       // amqp://user:password@host:port/vhost; heartbeat=s in its query sets the heartbeat (default 10 s)
	Dial   func(network, addr string) (net.Conn, error) // nil: plain TCP. Its connection may record what passes (wire.Wrap)
	Queue  string                                       // routing key on the default exchange
	Window int                                          // most messages in flight; 0: 1000
	Buffer int                                          // most messages offered and unsent; 0: 100,000
	Seed   uint64                                       // of the jitter between attempts to reconnect

	OnOffer func(id uint64, priority uint8, doomed bool) // called in Submit, in the order of ids, before the message can be sent. It must be quick and must not call the Publisher
	OnState func(up bool, err error)                     // called in order at each connect (true, nil) and each loss (false, why). It must not call Close
	Log     *slog.Logger                                 // nil: discard
}

// Props are the optional properties of one message. The zero value makes a persistent message.
type Props struct {
	ContentType string         // such as application/json
	Headers     map[string]any // string, bool, int, int64, float64, nil, and maps and lists of these
	Transient   bool           // not written to the broker's disk
	Doomed      bool           // a correct target dead-letters it: told to OnOffer, not sent
	Anonymous   bool           // without a message-id: its id is the correlation-id instead
	Priority    uint8          // 0: none given
	Expiration  time.Duration  // the broker drops it when it has waited for so long; whole milliseconds, 0: never
}

// Errors of Submit and Open.
var (
	ErrFull   = errors.New("load: buffer full: the broker has been away or too slow for longer than Options.Buffer holds")
	ErrClosed = errors.New("load: publisher is closed")

	errEnded = errors.New("the connection ended without a reason")
)

func (o Options) withDefaults() (Options, error) {
	uri, err := amqp.ParseURI(o.URL)
	if err != nil || uri.Scheme != "amqp" {
		// The parser quotes what it could not parse, and that may be the password.
		return o, errors.New("load: Options.URL cannot be used: want amqp://user:password@host:port/vhost (TLS is not built in)")
	}
	if o.Queue == "" || len(o.Queue) > 255 {
		return o, fmt.Errorf("load: Options.Queue is %d bytes long: want 1 to 255", len(o.Queue))
	}
	if o.Window < 0 || o.Buffer < 0 {
		return o, fmt.Errorf("load: Options.Window %d and Buffer %d must not be negative", o.Window, o.Buffer)
	}
	if o.Window == 0 {
		o.Window = 1000
	}
	if o.Buffer == 0 {
		o.Buffer = 100_000
	}
	if o.Dial == nil {
		d := net.Dialer{Timeout: connectLimit}
		o.Dial = d.Dial
	}
	if o.OnOffer == nil {
		o.OnOffer = func(uint64, uint8, bool) {}
	}
	if o.OnState == nil {
		o.OnState = func(bool, error) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
