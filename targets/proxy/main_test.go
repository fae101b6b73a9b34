package proxy_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

func TestStopWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	reached, finish := make(chan bool), make(chan bool)
	p := start(t, file(newServer(t, func(w http.ResponseWriter, _ *http.Request) { close(reached); <-finish; fmt.Fprint(w, "done") })))
	p.await("a", backend.Healthy)
	answer := make(chan string)
	go func() { _, body := p.ask("GET", "/", nil); answer <- body }()
	<-reached
	p.signal(syscall.SIGTERM)
	require.Eventually(t, func() bool {
		res, err := p.client.Get(p.admin + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == 503
	}, within, time.Millisecond)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.listen, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, within, time.Millisecond, "no more connections are taken")
	close(finish)
	require.Equal(t, "done", <-answer)
	require.Equal(t, proxy.ExitOK, p.exit())
	require.Contains(t, strings.Join(p.lines(), ""), `"msg":"stopped"`)
}

func TestStopGivesNotice(t *testing.T) {
	t.Parallel()
	p := start(t, file(newServer(t, ok)), "STOP_DELAY=5s") // time for all that is asked before it stops
	p.await("a", backend.Healthy)
	p.signal(syscall.SIGTERM)
	require.Eventually(t, func() bool {
		res, err := p.client.Get(p.admin + "/readyz")
		require.NoError(t, err)
		_ = res.Body.Close()
		return res.StatusCode == 503
	}, within, time.Millisecond)
	p.client.CloseIdleConnections()
	res, body := p.ask("GET", "/", nil)
	require.Equal(t, 200, res.StatusCode, "whoever is in front has not found out yet")
	require.Equal(t, "ok", body)
	require.Equal(t, proxy.ExitOK, p.exit())
}

func TestStopCutsWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env   string
		twice bool
		code  int
	}{"at the limit": {"STOP_TIMEOUT=50ms", false, proxy.ExitOK}, "told twice": {"STOP_TIMEOUT=1h", true, proxy.ExitAtOnce}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reached := make(chan bool)
			hang := func(_ http.ResponseWriter, r *http.Request) { close(reached); <-r.Context().Done() }
			p := start(t, file(newServer(t, hang)), c.env)
			p.await("a", backend.Healthy)
			go func() {
				if res, err := p.client.Get(p.listen); err == nil {
					_ = res.Body.Close()
				}
			}()
			<-reached
			p.signal(syscall.SIGTERM)
			if c.twice {
				require.Eventually(t, func() bool { return strings.Contains(strings.Join(p.lines(), ""), `"msg":"stopping"`) }, within, time.Millisecond)
				p.signal(syscall.SIGTERM)
			}
			require.Equal(t, c.code, p.exit())
		})
	}
}

func TestWhatItCannotStartWith(t *testing.T) {
	t.Parallel()
	p := start(t, "backends:\n  - name: a\n    url: http://h:1\n    weight: 0\n")
	require.Equal(t, proxy.ExitUsage, p.exit())
	require.Contains(t, p.stderr.String(), "backends.yaml: line 4: weight: 0 is out of range: want 1 to 1000")

	p = start(t, "", "PICKER=best")
	require.Equal(t, proxy.ExitUsage, p.exit())
	require.Contains(t, p.stderr.String(), "setting PICKER (flag -picker)")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	p = start(t, "backends: [{name: a, url: http://h:1}]", "LISTEN_ADDR="+l.Addr().String())
	require.Equal(t, proxy.ExitCannot, p.exit())
	require.Contains(t, p.stderr.String(), "LISTEN_ADDR")

	var out, wrong bytes.Buffer
	require.Equal(t, proxy.ExitOK, proxy.Main([]string{"-help"}, &out, &wrong, nil))
	require.Contains(t, out.String(), "SHED_PERCENT")
}
