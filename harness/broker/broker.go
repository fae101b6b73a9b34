package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// The environment variables that Open follows.
const (
	EnvChoice = "COMEBACK_BROKER"        // what "auto" means
	EnvHome   = "COMEBACK_RABBITMQ_HOME" // RabbitMQ's folder (with plugins/ in it); default: where distributions put it
)

var (
	// ErrNoVhosts: AMQP cannot make or drop a vhost. Use the one of the URL as it is.
	ErrNoVhosts = errors.New("a broker given by URL cannot add or drop vhosts: use the URL's own")

	// ErrNotInstalled: there is no RabbitMQ on this machine to run a private node of.
	ErrNotInstalled = errors.New("rabbitmq-server is not installed (apt-get install -y --no-install-recommends rabbitmq-server)")

	// ErrNotBuiltIn: this way of getting a broker does not exist yet.
	ErrNotBuiltIn = errors.New("not built in yet")
)

// Broker is a RabbitMQ that answers.
type Broker interface {
	// URL is where to connect, password included: never log it without Redact. "" means the
	// default vhost: "/", or the one that a given URL names.
	URL(vhost string) string

	// Addr is the host:port to dial.
	Addr() string

	// AddVhost makes a vhost that the URL's user may do everything in. ErrNoVhosts when it cannot.
	AddVhost(ctx context.Context, name string) error

	// DropVhost removes a vhost with all its queues. ErrNoVhosts when it cannot.
	DropVhost(ctx context.Context, name string) error

	// Close stops what Open started, and nothing else.
	Close(ctx context.Context) error
}

// Open gives the broker of the user's choice, ready to be used:
//
//	"" or "auto"   what $COMEBACK_BROKER says; else local when it is installed
//	"local"        a private node in the group's directory
//	"amqp://…"     one that already runs (also "amqps://…")
//	"container"    a container (ErrNotBuiltIn)
//
// Everything it starts belongs to g. log may be nil.
func Open(ctx context.Context, choice string, g *child.Group, log *slog.Logger) (Broker, error) {
	return open(ctx, choice, g, LocalOptions{Log: log, Home: os.Getenv(EnvHome)}, os.Getenv(EnvChoice))
}

func open(ctx context.Context, choice string, g *child.Group, local LocalOptions, env string) (Broker, error) {
	auto := choice == "" || choice == "auto"
	if auto {
		choice = env
	}
	switch {
	case choice == "" || choice == "auto" || choice == "local":
		l, err := StartLocal(ctx, g, local)
		if errors.Is(err, ErrNotInstalled) && auto {
			return nil, fmt.Errorf("%w; or set %s to the amqp:// URL of a broker that runs", err, EnvChoice)
		}
		if err != nil {
			return nil, err
		}
		return l, nil
	case strings.HasPrefix(choice, "amqp://"), strings.HasPrefix(choice, "amqps://"):
		return openURL(ctx, choice)
	case choice == "container":
		return openContainer(ctx, g)
	}
	return nil, fmt.Errorf("broker: unknown choice %q: want auto, local, container or an amqp:// URL", Redact(choice))
}
