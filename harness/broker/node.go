package broker

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// node is the layout of one private node: its directory, its ports and how to start it.
type node struct {
	in    install
	name  string // of the process
	id    string // tells the node from any other that may answer on its port
	dir   string
	port  int // AMQP
	dist  int // Erlang distribution; wanted by nobody, but it cannot be switched off
	terms string
}

func (n node) nodeName() string { return "comeback-" + n.id + "@localhost" }

func (n node) libs() string    { return filepath.Join(n.dir, "libs") }
func (n node) modules() string { return filepath.Join(n.dir, "modules") }

// prepare makes the directory of a node that has never run.
func (n node) prepare() error {
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return fmt.Errorf("broker: make the node's directory: %w", err)
	}
	if err := n.in.link(n.libs(), n.modules()); err != nil {
		return err
	}
	extra := ""
	if n.terms != "" {
		extra = "," + n.terms
	}
	// No rabbitmq.conf: its translation into these terms would cost time at every start.
	config := fmt.Sprintf(`[{rabbit,[{tcp_listeners,[{"127.0.0.1",%d}]},{loopback_users,[]},`+
		`{log,[{console,[{enabled,true},{level,warning}]},{file,[{level,info}]}]}%s]}].`+"\n", n.port, extra)
	files := []struct {
		name, text string
		mode       os.FileMode
	}{
		{".erlang.cookie", rand.Text(), 0o400},
		{"enabled_plugins", "[].\n", 0o600},
		{"advanced.config", config, 0o600},
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(n.dir, f.name), []byte(f.text), f.mode); err != nil {
			return fmt.Errorf("broker: write the node's %s: %w", f.name, err)
		}
	}
	return nil
}

// spec starts the emulator itself: Debian's scripts would change the user and start an epmd. Each
// program on the way execs the next, so the process is the broker.
func (n node) spec() child.Spec {
	in := func(name string) string { return filepath.Join(n.dir, name) }
	return child.Spec{
		Name: n.name,
		Path: n.in.erl,
		Dir:  n.dir,
		Args: []string{
			"-pa", n.modules(), "-boot", "start_sasl", "+W", "w", "-s", "rabbit", "boot",
			// Idle schedulers that spin would take the processor from whoever shares the machine: targets,
			// fakes and other runs. It costs a little of the start.
			"+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none",
			"-sname", n.nodeName(), "-start_epmd", "false", "-erl_epmd_port", strconv.Itoa(n.dist),
			"-kernel", "inet_dist_use_interface", "{127,0,0,1}",
			"-kernel", "prevent_overlapping_partitions", "false",
			"-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false",
		},
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=" + n.dir, // of the cookie
			"LANG=C.UTF-8",
			"ERL_LIBS=" + n.libs(),
			"ERL_MAX_ETS_TABLES=50000",
			"ERL_CRASH_DUMP_SECONDS=0",
			"ERL_ZFLAGS=-start_epmd false", // RabbitMQ's own monitor would start one every minute
			"SYS_PREFIX=",
			"RABBITMQ_HOME=" + n.in.home,
			"RABBITMQ_PLUGINS_DIR=" + n.libs(),
			"RABBITMQ_CONF_ENV_FILE=/dev/null",
			"RABBITMQ_ALLOW_INPUT=1",
			"RABBITMQ_NODENAME=" + n.nodeName(),
			"RABBITMQ_DIST_PORT=" + strconv.Itoa(n.dist),
			"RABBITMQ_MNESIA_BASE=" + in("mnesia"),
			"RABBITMQ_LOG_BASE=" + in("log"),
			"RABBITMQ_GENERATED_CONFIG_DIR=" + in("config"),
			"RABBITMQ_SCHEMA_DIR=" + in("schema"),
			"RABBITMQ_CONFIG_FILE=" + in("rabbitmq.conf"),
			"RABBITMQ_ADVANCED_CONFIG_FILE=" + in("advanced.config"),
			"RABBITMQ_ENABLED_PLUGINS_FILE=" + in("enabled_plugins"),
			"RABBITMQ_PID_FILE=" + in("pid"),
		},
		Stdin: true, // an Erlang shell: see Eval
	}
}
