package settings

import (
	"flag"
	"math"
	"time"
)

// field is one setting: where it comes from, what it may be, and what -help says.
type field struct {
	name  string // environment variable
	value flag.Value
	help  string
}

const (
	forever = time.Duration(math.MaxInt64)
	ms      = time.Millisecond
)

// fields lists every setting with its default and range. A new setting is a field of Settings and a
// line here.
func (s *Settings) fields() []field {
	return []field{
		{"AMQP_URL", addr(&s.AMQPURL, "", true, "amqp", "amqps"), "broker, with credentials and vhost"},
		{"AMQP_QUEUE", text(&s.Queue, "jobs"), "queue of the jobs"},
		{"AMQP_DEAD_QUEUE", text(&s.DeadQueue, ""), "queue of jobs given up; default <queue>.dead"},
		{"AMQP_RETRY_QUEUE", text(&s.RetryQueue, ""), "queue where failed jobs wait; default <queue>.retry"},
		{"AMQP_QUEUE_TYPE", choice(&s.QueueType, "", "classic", "quorum"), "classic or quorum; not set: the broker's default"},
		{"AMQP_MAX_PRIORITY", number(&s.MaxPriority, 0, 0, 255), "priorities of a classic queue: messages of a higher one overtake; 0: none"},
		{"AMQP_DELIVERY_LIMIT", number(&s.DeliveryLimit, 0, 0, 1<<20), "redeliveries after which a quorum queue gives a message up, with AMQP_DEAD_LETTER only; 0: none. Leave room for the crashes that a job may be innocent of"},
		{"AMQP_DEAD_LETTER", toggle(&s.DeadLetter, false), "true: what expires, or what the queue gives up, goes to the dead queue; false: it is gone"},
		{"AMQP_PREFETCH", number(&s.Prefetch, 8, 1, 65535), "jobs held at most, running ones included"},
		{"CONCURRENCY", number(&s.Workers, 4, 1, 1024), "jobs running at the same time"},
		{"AMQP_HEARTBEAT", span(&s.Heartbeat, 10*time.Second, time.Second, time.Hour), "heartbeat asked of the broker"},
		{"AMQP_TIMEOUT", span(&s.AMQPTimeout, 5*time.Second, ms, time.Hour), "limit of a connect with its handshake, and of each answer of the broker"},
		{"RECONNECT_MIN", span(&s.ReconnectMin, 100*ms, ms, time.Hour), "first wait before connecting again"},
		{"RECONNECT_MAX", span(&s.ReconnectMax, 10*time.Second, ms, time.Hour), "longest wait before connecting again"},
		{"STALL_AFTER", span(&s.StallAfter, 5*time.Second, 10*ms, time.Hour), "silence after which the channel is doubted"},

		{"AI_URL", addr(&s.AIURL, "", true, "http", "https"), "AI process"},
		{"AI_MODEL", text(&s.AIModel, ""), "model asked for when a job names none"},
		{"AI_TIMEOUT", span(&s.AITimeout, 30*time.Second, ms, time.Hour), "limit of one request to the AI process"},
		{"AI_CHECK_INTERVAL", span(&s.AICheckInterval, time.Second, 10*ms, time.Hour), "time between health checks of the AI process"},
		{"AI_DOWN_AFTER", span(&s.AIDownAfter, 3*time.Second, 0, time.Hour), "how long it may not answer before it is restarted"},
		{"AI_READY_LIMIT", span(&s.AIReadyLimit, 2*time.Minute, ms, time.Hour), "how long it may take to start"},
		{"AI_PING_TIMEOUT", span(&s.AIPingTimeout, 5*time.Second, ms, time.Hour), "limit of one health check of the AI process"},
		{"AI_FAILURES", number(&s.AIFailures, 20, 1, 1<<20), "failures in a row after which it is restarted"},
		{"AI_TIMEOUTS", number(&s.AITimeouts, 4, 1, 1<<20), "requests in a row without an answer in time after which it is restarted"},
		{"WARMUP_BACKOFF", span(&s.WarmUpBackoff, 500*ms, ms, time.Hour), "first wait after a failed warm-up; grows to 4 times that"},

		{"API_URL", addr(&s.APIURL, "", true, "http", "https"), "API server that is told the results"},
		{"API_TIMEOUT", span(&s.APITimeout, 10*time.Second, ms, time.Hour), "limit of one request to the API server"},
		{"API_RETRY_LIMIT", span(&s.APIRetryLimit, 30*time.Second, 0, time.Hour), "how long one report is tried before the job waits in the retry queue"},
		{"ALERT_URL", addr(&s.AlertURL, "", false, "http", "https"), "Slack-compatible webhook; empty: alerts are only logged"},

		{"HOST_PROC", text(&s.HostProc, "/proc"), "where the host's proc file system is"},
		{"SWAP_LOW_PERCENT", percent(&s.SwapLowPercent, 10), "free swap under this share of the total is low"},
		{"MEMORY_CHECK_INTERVAL", span(&s.MemoryCheckInterval, time.Second, 10*ms, time.Hour), "time between memory checks"},
		{"MEMORY_BOOT_LIMIT", span(&s.MemoryBootLimit, time.Minute, 0, time.Hour), "how long the boot waits for swap to be set up; 0: for ever"},
		{"MEMORY_READ_LIMIT", span(&s.MemoryReadLimit, 5*time.Second, 0, time.Hour), "how long the host's memory may be unreadable before it is alerted, and the boot goes on without the check"},

		{"RESTART_COMMAND", command(&s.RestartCommand), "executable that restarts the AI process, then its arguments"},
		{"RESTART_TIMEOUT", span(&s.RestartTimeout, time.Minute, ms, time.Hour), "limit of one restart"},
		{"RESTART_ATTEMPTS", number(&s.RestartAttempts, 3, 2, 1000), "restarts tried before the instance is terminated"},
		{"RESTART_OK_CODE", number(&s.RestartOKCode, 1, 0, 255), "exit code that means restarted"},
		{"RESTART_FAILED_CODE", number(&s.RestartFailedCode, 0, 0, 255), "exit code that means failed, retry"},
		{"RESTART_BACKOFF", span(&s.RestartBackoff, time.Second, 0, time.Hour), "first wait between restarts; grows to 4 times that"},

		{"TERMINATE_COMMAND", command(&s.TerminateCommand), "executable that terminates the instance; arguments default to those of aws"},
		{"TERMINATE_TIMEOUT", span(&s.TerminateTimeout, time.Minute, ms, time.Hour), "limit of one termination call"},
		{"TERMINATE_BACKOFF", span(&s.TerminateBackoff, 5*time.Second, ms, time.Hour), "first wait between termination calls; doubles, at most 64 times that"},
		{"TERMINATE_WAIT", span(&s.TerminateWait, 5*time.Minute, 0, forever), "how long an instance may live on after its termination was accepted; 0: for ever"},
		{"INSTANCE_ID", text(&s.InstanceID, ""), "instance to terminate; empty: asked of the instance metadata when needed"},
		{"AWS_REGION", text(&s.Region, ""), "region of the instance; empty: asked of the instance metadata when needed"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT", addr(&s.MetadataURL, "http://169.254.169.254", true, "http", "https"), "instance metadata"},
		{"NOTICE_CHECK_INTERVAL", span(&s.NoticeCheckInterval, 5*time.Second, 0, time.Hour), "time between looks for a notice that the spot instance is taken away; 0: never"},

		{"MAX_ATTEMPTS", number(&s.MaxAttempts, 5, 1, 1<<20), "attempts of a job before it is given up; what fails while the API server takes no report of any job is none"},
		{"MAX_CRASHES", number(&s.MaxCrashes, 2, 1, 1<<20), "crashes of the AI process during one job that runs alone before it is given up; this or AMQP_DELIVERY_LIMIT is fewer than RESTART_ATTEMPTS"},
		{"RETRY_DELAY", span(&s.RetryDelay, time.Second, ms, 24*time.Hour), "wait between attempts of a job"},
		{"STATE_DIR", text(&s.StateDir, ""), "folder where finished jobs are written down, so that a restart does not pay for one twice; empty: in memory only"},
		{"DRAIN_TIMEOUT", span(&s.DrainTimeout, 25*time.Second, 0, time.Hour), "how long running jobs may take when the consumer is told to stop"},
		{"LISTEN_ADDR", text(&s.ListenAddr, "127.0.0.1:8080"), "address of /healthz, /readyz and /metrics"},
		{"LOG_LEVEL", level(&s.LogLevel), "debug, info, warn or error"},
	}
}
