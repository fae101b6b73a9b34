// Package brokertest gives the tests below targets a real RabbitMQ: one private node for a test binary,
// started when first asked for, and a vhost for each test. Node is its central type. It needs Debian's
// rabbitmq-server; without it the tests that ask are skipped.
package brokertest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// libs are the parts of RabbitMQ that a plain broker needs; loading only these halves its start.
var libs = []string{"rabbit", "rabbit_common", "rabbitmq_prelaunch", "amqp10_common", "osiris", "observer_cli",
	"stdout_formatter", "sysmon_handler", "ra", "seshat", "gen_batch_server", "aten", "ranch", "systemd", "enough",
	"cuttlefish", "credentials_obfuscation", "recon", "jsx", "syslog", "getopt"}

// Node is a running RabbitMQ.
type Node struct {
	dir  string
	port int
	cmd  *exec.Cmd
	mu   sync.Mutex
	in   io.Writer
	out  chan string
	done chan struct{}
}

var shared = sync.OnceValues(start)

// Main runs the tests of a package and ends the node after them: call it from TestMain.
func Main(m *testing.M) int {
	defer func() {
		if n, err := started(); n != nil && err == nil {
			n.stop()
		}
	}()
	return m.Run()
}

var asked sync.Once
var wasAsked bool

// started gives the node only if a test has asked for it.
func started() (*Node, error) {
	asked.Do(func() {})
	if !wasAsked {
		return nil, nil
	}
	return shared()
}

// Vhost gives the shared node and the URL of a fresh vhost on it.
func Vhost(t testing.TB) (*Node, string) {
	t.Helper()
	skipWithout(t)
	asked.Do(func() { wasAsked = true })
	n, err := shared()
	require.NoError(t, err)
	return n, n.vhost(t)
}

// Own gives a node that no other test uses, for what concerns a node as a whole.
func Own(t testing.TB) (*Node, string) {
	t.Helper()
	skipWithout(t)
	n, err := start()
	require.NoError(t, err)
	t.Cleanup(n.stop)
	return n, n.vhost(t)
}

func skipWithout(t testing.TB) {
	t.Helper()
	if _, err := os.Stat("/usr/lib/rabbitmq"); err != nil {
		t.Skip("no RabbitMQ: apt-get install rabbitmq-server")
	}
}

func (n *Node) vhost(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	n.Eval(t, fmt.Sprintf(`rabbit_vhost:add(<<"%s">>,<<"test">>),rabbit_auth_backend_internal:set_permissions(<<"guest">>,<<"%s">>,<<".*">>,<<".*">>,<<".*">>,<<"test">>)`, name, name))
	return fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/%s", n.port, name)
}

// CloseConnections has the broker close every client connection of a vhost (320).
func (n *Node) CloseConnections(t testing.TB, url string) {
	t.Helper()
	u, err := amqp.ParseURI(url)
	require.NoError(t, err)
	n.Eval(t, fmt.Sprintf(`[case catch rabbit_reader:info(P,[vhost]) of [{vhost,<<"%s">>}] -> rabbit_networking:close_connection(P,"test"); _ -> ok end || P <- rabbit_networking:connections()]`, u.Vhost))
}

func start() (*Node, error) {
	homes, err := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*")
	if err != nil || len(homes) == 0 {
		return nil, fmt.Errorf("no RabbitMQ below /usr/lib/rabbitmq/lib: %w", err)
	}
	home := homes[len(homes)-1]
	dir, err := os.MkdirTemp("", "brokertest")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	n := &Node{dir: dir, port: ports[0], out: make(chan string, 1024), done: make(chan struct{})}
	if err := n.write(home); err != nil {
		return nil, err
	}
	if err := n.exec(home, ports[1]); err != nil {
		return nil, err
	}
	return n, n.ready()
}

func (n *Node) write(home string) error {
	lib := filepath.Join(n.dir, "lib")
	if err := os.Mkdir(lib, 0o700); err != nil {
		return err
	}
	for _, name := range libs {
		found, err := filepath.Glob(filepath.Join(home, "plugins", name+"-[0-9]*"))
		if err != nil || len(found) == 0 {
			continue // another version of RabbitMQ may do without
		}
		if err := os.Symlink(found[0], filepath.Join(lib, filepath.Base(found[0]))); err != nil {
			return err
		}
	}
	config := fmt.Sprintf(`[{rabbit,[{tcp_listeners,[{"127.0.0.1",%d}]},{loopback_users,[]},{log,[{console,[{enabled,false}]}]}]}].`, n.port)
	for name, text := range map[string]string{".erlang.cookie": "BROKERTEST", "advanced.config": config, "enabled_plugins": "[]."} {
		if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text+"\n"), 0o400); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) exec(home string, dist int) error {
	name := fmt.Sprintf("t%d@localhost", n.port)
	cmd := exec.Command("/usr/bin/erl", "-pa", "", "-boot", "start_sasl", "+W", "w", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none", "-s", "rabbit", "boot",
		"-sname", name, "-start_epmd", "false", "-erl_epmd_port", fmt.Sprint(dist), "-kernel", "inet_dist_use_interface", "{127,0,0,1}",
		"-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false")
	cmd.Dir = n.dir
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + n.dir, "LANG=C.UTF-8", "RABBITMQ_CONF_ENV_FILE=/dev/null",
		"RABBITMQ_NODENAME=" + name, "RABBITMQ_MNESIA_BASE=" + n.dir + "/mnesia", "RABBITMQ_LOG_BASE=" + n.dir + "/log",
		"RABBITMQ_GENERATED_CONFIG_DIR=" + n.dir + "/config", "RABBITMQ_SCHEMA_DIR=" + n.dir + "/schema",
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + n.dir + "/enabled_plugins", "RABBITMQ_ADVANCED_CONFIG_FILE=" + n.dir + "/advanced.config",
		"RABBITMQ_PID_FILE=" + n.dir + "/pid", fmt.Sprintf("RABBITMQ_DIST_PORT=%d", dist), "RABBITMQ_HOME=" + home,
		"ERL_LIBS=" + n.dir + "/lib", "RABBITMQ_PLUGINS_DIR=" + n.dir + "/lib", "SYS_PREFIX=", "ERL_MAX_ETS_TABLES=50000",
		"ERL_ZFLAGS=-start_epmd false", "ERL_CRASH_DUMP_BYTES=0", "RABBITMQ_ALLOW_INPUT=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	n.cmd, n.in = cmd, in
	begun := make(chan error)
	go func() {
		runtime.LockOSThread() // the child dies with the thread that made it: this one stays
		begun <- cmd.Start()
		_ = cmd.Wait()
		close(n.done)
	}()
	if err := <-begun; err != nil {
		return err
	}
	go n.listen(out)
	return nil
}

func (n *Node) ready() error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if conn, err := amqp.Dial(fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", n.port)); err == nil {
			return conn.Close()
		}
		select {
		case <-n.done:
			return fmt.Errorf("RabbitMQ ended at its start")
		case <-time.After(10 * time.Millisecond):
		}
	}
	n.stop()
	return fmt.Errorf("RabbitMQ is not ready after a minute")
}

func (n *Node) stop() {
	_ = syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL)
	<-n.done
	_ = os.RemoveAll(n.dir)
}

func freePorts(count int) ([]int, error) {
	var ports []int
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
