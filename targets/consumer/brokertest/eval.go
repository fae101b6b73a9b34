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
// error, by its own log.
func (n *Node) ChannelErrors(t testing.TB, url string) int {
	t.Helper()
	u, err := amqp.ParseURI(url)
	require.NoError(t, err)
	logs, err := filepath.Glob(filepath.Join(n.dir, "log", "*.log"))
	require.NoError(t, err)
	count := 0
	for _, path := range logs {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, entry := range strings.Split(string(text), "Channel error on connection")[1:] {
			first, _, _ := strings.Cut(entry, "\n")
			if strings.Contains(first, "'"+u.Vhost+"'") {
				count++
			}
		}
	}
	return count
}
