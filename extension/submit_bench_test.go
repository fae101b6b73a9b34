package extension

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.k6.io/k6/v2/js/modulestest"
	"go.k6.io/k6/v2/lib"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
)

// BenchmarkPublish compares, on one RabbitMQ, what a script's VU publishes with confirms through
// run.submit() (JavaScript, accounting, tap and history included) with a bare client's loop.
func BenchmarkPublish(b *testing.B) {
	group, err := child.NewGroup(b.Context(), child.Options{})
	require.NoError(b, err)
	defer group.Close()
	node, err := broker.Open(b.Context(), "local", group, nil)
	require.NoError(b, err)
	b.Run("bare", func(b *testing.B) { publishBare(b, node.URL("")) })
	b.Run("submit", func(b *testing.B) { publishScript(b, node.URL("")) })
}

const benchJob = `{"prompt":"a cat on a bicycle, in the manner of an old master, with a hat and a very long scarf"}`

func publishBare(b *testing.B, url string) {
	conn, err := amqp.Dial(url)
	require.NoError(b, err)
	defer conn.Close()
	ch, err := conn.Channel()
	require.NoError(b, err)
	const queue = "bare"
	_, err = ch.QueueDeclare(queue, true, false, false, false, nil)
	require.NoError(b, err)
	defer func() { _, _ = ch.QueueDelete(queue, false, false, false) }()
	require.NoError(b, ch.Confirm(false))
	const window = 1000
	open := make([]*amqp.DeferredConfirmation, window)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N + window {
		if d := open[i%window]; d != nil && !d.Wait() {
			b.Fatal("refused")
		}
		open[i%window] = nil
		if i >= b.N {
			continue
		}
		open[i%window], err = ch.PublishWithDeferredConfirm("", queue, true, false, amqp.Publishing{
			DeliveryMode: amqp.Persistent, MessageId: "m" + strconv.Itoa(i+1), Timestamp: time.Now(),
			ContentType: "application/json", Body: []byte(benchJob),
		})
		require.NoError(b, err)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}

func publishScript(b *testing.B, url string) {
	root := New()
	root.session.lab.Store(idleLab(b, url))
	lab := root.session.running()
	rt := modulestest.NewRuntime(b)
	instance, ok := root.NewModuleInstance(rt.VU).(*module)
	require.True(b, ok)
	require.NoError(b, rt.VU.Runtime().Set("run", map[string]any{"submit": instance.submit}))
	rt.MoveToVUContext(&lib.State{})
	require.NoError(b, rt.VU.Runtime().Set("n", b.N))
	b.ReportAllocs()
	b.ResetTimer()
	_, err := rt.VU.Runtime().RunString(`for (let i = 0; i < n; i++) run.submit(` + benchJob + `)`)
	require.NoError(b, err)
	require.NoError(b, lab.Settled(b.Context()))
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	require.EqualValues(b, b.N, lab.Counts().Confirmed)
}

// idleLab is a lab whose target declares its queue and takes nothing from it.
func idleLab(b *testing.B, url string) *harness.Lab {
	b.Helper()
	conn, err := amqp.Dial(url)
	require.NoError(b, err)
	ch, err := conn.Channel()
	require.NoError(b, err)
	const queue = "idle"
	_, err = ch.QueueDeclare(queue, true, false, false, false, nil)
	require.NoError(b, err)
	_, err = ch.QueuePurge(queue, false)
	require.NoError(b, err)
	b.Cleanup(func() { _, _ = ch.QueueDelete(queue, false, false, false); conn.Close() })
	self, err := os.Executable()
	require.NoError(b, err)
	targets := filepath.Join(b.TempDir(), "comeback.yaml")
	text := "version: 1\ntargets:\n  idle: {command: [" + self + "], queue: " + queue +
		", ready: {http: \"http://{listen}/\"}, env: {" + idleEnv + ": \"{listen}\"}}\n"
	require.NoError(b, os.WriteFile(targets, []byte(text), 0o600))
	lab, err := harness.Start(b.Context(), harness.Config{
		Spec:   harness.Spec{Name: "idle", Target: "idle", Load: harness.Load{Rate: 1, Duration: time.Hour}},
		Broker: url, Out: filepath.Join(b.TempDir(), "out"), Targets: targets, Self: filepath.Join(project, "bin", "k6"),
	})
	require.NoError(b, err)
	b.Cleanup(func() { _ = lab.Abandon() })
	return lab
}

// idleEnv makes the test binary a target that answers its ready probe and does nothing else.
const idleEnv = "COMEBACK_TEST_IDLE"

func idle(addr string) int {
	server := http.Server{Addr: addr, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	_ = server.ListenAndServe()
	return 1
}
