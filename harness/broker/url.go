package broker

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// remote is a broker that somebody else runs.
type remote struct {
	raw  string
	addr string
}

// openURL checks that the broker answers and lets the URL's user into the URL's vhost.
func openURL(ctx context.Context, raw string) (Broker, error) {
	uri, err := parse(raw)
	if err != nil {
		return nil, err
	}
	conn, err := Dial(ctx, raw)
	if err != nil {
		return nil, err
	}
	if err := conn.Close(); err != nil {
		return nil, fmt.Errorf("broker: close the first connection to %s: %w", Redact(raw), err)
	}
	return &remote{raw: raw, addr: net.JoinHostPort(uri.Host, fmt.Sprint(uri.Port))}, nil
}

func (r *remote) URL(vhost string) string               { return withVhost(r.raw, vhost) }
func (r *remote) Addr() string                          { return r.addr }
func (*remote) AddVhost(context.Context, string) error  { return ErrNoVhosts }
func (*remote) DropVhost(context.Context, string) error { return ErrNoVhosts }
func (*remote) Close(context.Context) error             { return nil }

// withVhost puts vhost in the place of raw's own; "" leaves it. raw has been parsed before.
func withVhost(raw, vhost string) string {
	if vhost == "" {
		return raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Path, u.RawPath = "/"+vhost, "/"+url.PathEscape(vhost)
	return u.String()
}

func parse(raw string) (amqp.URI, error) {
	uri, err := amqp.ParseURI(raw)
	if err != nil { // its text may quote the password
		return uri, fmt.Errorf("broker: %s is not a usable AMQP URL: want amqp://user:password@host:port/vhost", Redact(raw))
	}
	return uri, nil
}

// Redact hides the password of a URL. Of one that cannot be taken apart with certainty it hides all
// that may be one.
func Redact(raw string) string {
	end := strings.LastIndexByte(raw, '@')
	if end < 0 {
		return raw
	}
	if u, err := url.Parse(raw); err == nil && u.User != nil {
		if clean := u.Redacted(); strings.Count(clean, "@") == 1 {
			return clean
		}
	}
	scheme, _, found := strings.Cut(raw[:end], "://")
	if !found {
		return "xxxxx" + raw[end:]
	}
	return scheme + "://xxxxx" + raw[end:]
}
