package brokertest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// Eval runs one Erlang expression in the node and gives its value as text.
func (n *Node) Eval(t testing.TB, expr string) string {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	mark := fmt.Sprintf("#%d#", time.Now().UnixNano())
	_, err := fmt.Fprintf(n.in, "io:format(\"~s~0tp~n\",[\"%s\",try begin %s end catch C:E -> {failed,C,E} end]), f().\n", mark, expr)
	require.NoError(t, err)
	limit := time.After(20 * time.Second)
	for {
		select {
		case line := <-n.out:
			if _, value, ok := strings.Cut(line, mark); ok && !strings.Contains(line, "io:format") {
				require.NotContains(t, value, "{failed,", expr)
				return value
			}
		case <-n.done:
			require.Fail(t, "RabbitMQ has ended")
		case <-limit:
			require.Fail(t, "RabbitMQ's shell does not answer", expr)
		}
	}
}

func (n *Node) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		select {
		case n.out <- lines.Text():
		default:
		}
	}
}

// ChannelErrors counts how often the broker closed a channel in the vhost of that URL because of an
// error, by its own log. The log is written late: an error made on purpose tells when it is complete.
func (n *Node) ChannelErrors(t testing.TB, url string) int {
	t.Helper()
	u, err := amqp.ParseURI(url)
	require.NoError(t, err)
	mark := fmt.Sprintf("mark-%d", time.Now().UnixNano())
	conn, err := amqp.Dial(url)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	ch, err := conn.Channel()
	require.NoError(t, err)
	_, err = ch.QueueDeclarePassive(mark, false, false, false, false, nil)
	require.Error(t, err)

	var text string
	require.Eventually(t, func() bool { text = n.log(); return strings.Contains(text, mark) }, 20*time.Second, 10*time.Millisecond)
	count := 0
	for _, entry := range strings.Split(text, "Channel error on connection")[1:] {
		first, rest, _ := strings.Cut(entry, "\n")
		second, _, _ := strings.Cut(rest, "\n")
		if strings.Contains(first, "'"+u.Vhost+"'") && !strings.Contains(first+second, "'mark-") {
			count++
		}
	}
	return count
}

func (n *Node) log() string {
	paths, _ := filepath.Glob(filepath.Join(n.dir, "log", "*.log")) // the pattern is well formed
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil {
			all.Write(text)
		}
	}
	return all.String()
}
