package broker

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestOpenByURL(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	require.NoError(t, l.AddVhost(limit(t), "by-url"))
	b, err := Open(limit(t), l.URL("by-url"), newGroup(t), nil)
	require.NoError(t, err)
	require.Equal(t, l.URL("by-url"), b.URL(""), "without a vhost it is the URL as it was given")
	require.Equal(t, l.URL("by-url"), b.URL("by-url"))
	require.Equal(t, l.Addr(), b.Addr())
	require.ErrorIs(t, b.AddVhost(limit(t), "x"), ErrNoVhosts)
	require.ErrorIs(t, b.DropVhost(limit(t), "x"), ErrNoVhosts)
	require.NoError(t, b.Close(limit(t)))
	require.NoError(t, l.Ready(limit(t)), "a broker that was not started is not stopped")
}

func TestDialSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	silent, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	nobody, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, nobody.Close())

	tests := []struct {
		name, url, want string
		code            int
	}{
		{"nothing listens", "amqp://u:geheim@" + nobody.Addr().String() + "/", "nothing listens there", 0},
		{"wrong password", "amqp://guest:geheim@" + l.Addr() + "/", "user or password not accepted", amqp.AccessRefused},
		{"wrong user", "amqp://nobody:geheim@" + l.Addr() + "/", "user or password not accepted", amqp.AccessRefused},
		{"wrong vhost", "amqp://guest:guest@" + l.Addr() + "/missing", "vhost does not exist", amqp.NotAllowed},
		{"silent server", "amqp://u:geheim@" + silent.Addr().String() + "/", "no answer in time", 0},
		{"web server", "amqp://u:geheim@" + web.Listener.Addr().String() + "/", "is it a RabbitMQ", 0},
		{"other scheme", "http://u:geheim@localhost/", "not a usable AMQP URL", 0},
		{"bad port", "amqp://u:geheim@localhost:port/", "not a usable AMQP URL", 0},
		{"bad escape", "amqp://u:geheim%zz@localhost/", "not a usable AMQP URL", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			if tt.name == "silent server" {
				short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
				ctx = short
			}
			_, err := Dial(ctx, tt.url)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "geheim")
			if tt.code != 0 {
				var ae *amqp.Error
				require.ErrorAs(t, err, &ae)
				require.Equal(t, tt.code, ae.Code)
			}
		})
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = Dial(ctx, "amqp://guest:guest@"+silent.Addr().String()+"/")
	require.ErrorIs(t, err, context.Canceled)
}

func TestOpenChoices(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	missing := LocalOptions{Home: filepath.Join(t.TempDir(), "rabbitmq_server-*")}
	tests := []struct {
		choice, env string
		local       LocalOptions
		is          error
		want        string
	}{
		{choice: "auto", env: l.URL("")},
		{choice: "", env: l.URL("")},
		{choice: "auto", local: missing, is: ErrNotInstalled, want: "apt-get install -y --no-install-recommends rabbitmq-server); or set COMEBACK_BROKER"},
		{choice: "", env: "auto", local: missing, is: ErrNotInstalled, want: "or set COMEBACK_BROKER"},
		{choice: "local", env: l.URL(""), local: missing, is: ErrNotInstalled, want: "apt-get install"},
		{choice: "auto", env: "local", local: missing, is: ErrNotInstalled, want: "apt-get install"},
		{choice: "container", is: ErrNotBuiltIn, want: "container"},
		{choice: "auto", env: "container", is: ErrNotBuiltIn, want: "container"},
		{choice: "rabbit://u:geheim@h/", want: `unknown choice "rabbit://u:xxxxx@h/"`},
	}
	for _, tt := range tests {
		b, err := open(limit(t), tt.choice, newGroup(t), tt.local, tt.env)
		if tt.want == "" {
			require.NoError(t, err)
			require.Equal(t, l.Addr(), b.Addr())
			continue
		}
		require.ErrorContains(t, err, tt.want)
		require.Nil(t, b)
		if tt.is != nil {
			require.ErrorIs(t, err, tt.is)
		}
	}
}

func TestNoErlangInPath(t *testing.T) {
	needRabbit(t)
	t.Setenv("PATH", t.TempDir())
	_, err := StartLocal(limit(t), newGroup(t), LocalOptions{})
	require.ErrorIs(t, err, ErrNotInstalled)
	require.ErrorContains(t, err, "no erl in PATH")
}

func TestVhosts(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	for _, name := range []string{"run-1", "a b/ü%", `">>, init:stop(), <<"`, "'"} {
		require.NoError(t, l.AddVhost(limit(t), name), name)
		require.NoError(t, l.AddVhost(limit(t), name), "again")
		durableQueue(t, channel(t, dial(t, l.URL(name))), "q", nil)
		require.NoError(t, l.DropVhost(limit(t), name))
		require.NoError(t, l.DropVhost(limit(t), name), "again")
		_, err := Dial(limit(t), l.URL(name))
		require.ErrorContains(t, err, "vhost does not exist")
		require.NoError(t, l.AddVhost(limit(t), name))
		_, _, err = Depth(limit(t), dial(t, l.URL(name)), "q")
		require.ErrorContains(t, err, "NOT_FOUND", "its queues are gone with it")
	}
}

func TestURLNamesAnyVhost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vhost := rapid.StringN(1, -1, 255).Draw(t, "vhost")
		raw := rapid.SampledFrom([]string{"amqp://u:p@h:1", "amqp://u:p@h:1/", "amqps://h/old%2Fone?heartbeat=3"}).Draw(t, "url")
		uri, err := amqp.ParseURI(withVhost(raw, vhost))
		require.NoError(t, err)
		require.Equal(t, vhost, uri.Vhost)
		require.Equal(t, raw, withVhost(raw, ""))
	})
}

func TestRedact(t *testing.T) {
	t.Parallel()
	tests := []struct{ raw, want string }{
		{"amqp://guest:guest@localhost:5672/", "amqp://guest:xxxxx@localhost:5672/"},
		{"amqp://guest@localhost/", "amqp://guest@localhost/"},
		{"amqp://localhost/v", "amqp://localhost/v"},
		{"amqp://u:p%zz@h/", "amqp://xxxxx@h/"},
		{"amqp://u:p@ss@h/", "amqp://u:xxxxx@h/"},
		{"amqp://u:p@h:port/", "amqp://xxxxx@h:port/"},
		{"u:p@h", "xxxxx@h"},
		{"local", "local"},
		{"", ""},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, Redact(tt.raw), tt.raw)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("guest", "secret", "localhost:5672/")
	f.Add("", "p%zz", "[::1/")
	f.Add("u", "a@b:c/d", "h")
	f.Fuzz(func(t *testing.T, user, password, rest string) {
		const secret = "S3CR3T"
		if strings.Contains(user+rest, secret) || strings.ContainsAny(rest, "@") {
			t.Skip()
		}
		for _, raw := range []string{
			fmt.Sprintf("amqp://%s:%s%s@%s", user, password, secret, rest),
			(&url.URL{Scheme: "amqp", User: url.UserPassword(user, password+secret), Host: "h", Path: rest}).String(),
		} {
			require.NotContains(t, Redact(raw), secret, raw)
		}
	})
}

func BenchmarkVhost(b *testing.B) {
	l := shared.get(b)
	for b.Loop() {
		require.NoError(b, l.AddVhost(b.Context(), "bench"))
		require.NoError(b, l.DropVhost(b.Context(), "bench"))
	}
}
