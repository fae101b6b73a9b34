package consumer

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ai"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/alert"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/host"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ops"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/queue"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/report"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/settings"
)

const (
	finishedKept = 1 << 16         // jobs remembered as finished
	closeLimit   = 2 * time.Second // for each thing that is closed at the end
)

// Source is where deliveries come from: Run hands them to handle until ctx ends, and returns when all
// handlers have.
type Source interface {
	Run(ctx context.Context, handle func(*queue.Delivery)) error
}

// Consumer is the whole of it: parts that do something, and decisions over them.
type Consumer struct {
	Settings  settings.Settings
	Log       *slog.Logger
	Board     *ops.Board
	Desk      *alert.Desk
	AI        *ai.Client
	Worker    *job.Worker
	Journal   *job.Journal // nil: finished jobs are remembered in memory only
	Link      *queue.Link  // the consuming connection
	Publisher *queue.Publisher
	Source    Source

	// ReadSwap reads the host's swap, RunHook runs an executable.
	ReadSwap func(context.Context) (host.Swap, error)
	RunHook  func(context.Context, host.Command) host.Outcome

	// JudgeSwap tells what a reading of the swap means.
	JudgeSwap func(host.Swap) host.Level
	// JudgeRestart and JudgeTerminate tell whether a hook did what it is for; nil means that it did.
	JudgeRestart, JudgeTerminate func(host.Outcome) error
	// ReadNotice asks whether the instance is about to be taken away; nil means that no notice is there.
	// WatchNotice returns with the notice, or nil when ctx has ended.
	ReadNotice  func(context.Context) (*host.Notice, error)
	WatchNotice func(context.Context) *host.Notice
	// Prepare gets from "not consuming" to "may consume"; trouble means that it cannot.
	Prepare func(context.Context) *Trouble
	// WarmUpFailed is told of each failed warm-up. There is no delivery to settle.
	WarmUpFailed func(context.Context, error)
	// Handle does the job of one delivery and settles it.
	Handle func(context.Context, *queue.Delivery)
	// WatchAI looks at the AI process while jobs run, and returns when it is in trouble or ctx ends.
	WatchAI func(context.Context) *Trouble
	// Heal gets the AI process out of trouble, or out of reach; it returns when to prepare again.
	Heal func(context.Context, *Trouble)
	// Recovered tells, after a restart that claims success, whether the trouble is really over.
	Recovered func(context.Context) error
	// Lasting is how long a restart must hold: one that does not counts as failed, or an AI process that
	// dies after each restart would be restarted, and alerted, for ever. Default: 1 minute.
	Lasting time.Duration
	// Park is what to do after a failed termination; it returns when the AI process can be used.
	Park func(context.Context)

	trouble  chan *Trouble             // from jobs
	failures atomic.Int64              // of the AI process in a row
	leaveBy  atomic.Pointer[time.Time] // when the instance is taken away; nil: nobody says so
	timeouts atomic.Int64              // answers of the AI process that did not come in time, in a row
	deaf     atomic.Bool               // the API server takes no reports: that incident is open
	memory   memory

	restarts  int       // since the last restart that lasted; Heal's own
	restarted time.Time // when a restart last worked; Heal's own
}

// New makes a consumer with the right decision everywhere. Nothing is started or connected yet.
func New(s settings.Settings, log *slog.Logger) *Consumer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Consumer{Settings: s, Log: log, Board: ops.NewBoard(), trouble: make(chan *Trouble, 1)}
	client := &http.Client{Transport: transport(s.Workers)}
	queues := queue.Topology{
		Jobs: s.Queue, Retry: s.RetryQueue, Dead: s.DeadQueue,
		Type: s.QueueType, MaxPriority: s.MaxPriority, DeliveryLimit: s.DeliveryLimit, DeadLetter: s.DeadLetter,
	}

	c.AI = &ai.Client{URL: s.AIURL, Model: s.AIModel, Timeout: s.AITimeout, PingFor: s.AIPingTimeout, HTTP: client}
	c.Link = c.link("consumer", "connection")
	c.Publisher = &queue.Publisher{Link: c.link("consumer-publish", "publisher"), Topology: queues}
	c.Desk = &alert.Desk{URL: s.AlertURL, From: s.InstanceID, HTTP: client, Log: log, OnSent: c.Board.Metrics.Alerted}

	source := &queue.Source{
		Link: c.Link, Topology: queues, Prefetch: s.Prefetch, Workers: s.Workers, StallAfter: s.StallAfter, Log: log,
		OnLeft: c.channelLeft, OnConsuming: c.queueFits,
	}
	c.Source = source
	c.Board.Consuming, c.Board.Broker, c.Board.Incidents = source.Consuming, c.Link.Up, c.Desk.Open

	reports := &report.Client{URL: s.APIURL, Timeout: s.APITimeout, Limit: s.APIRetryLimit, HTTP: client}
	c.Worker = &job.Worker{
		Paint: c.AI.Paint, Ping: c.AI.Ping, Report: c.reporting(reports.Put), Publish: c.Publisher.Publish,
		Judge: job.Judge(s.MaxAttempts), Queues: queues, Delay: s.RetryDelay, Grace: grace(s),
		Ledger: job.NewLedger(finishedKept), Crashes: job.NewSuspects(s.MaxCrashes), Log: log,
		OnOutcome: c.Board.Metrics.Ended, OnWork: c.worked,
	}
	c.Journal = journal(s.StateDir, c.journalChanged)
	c.ReadSwap = func(ctx context.Context) (host.Swap, error) { return host.ReadSwap(ctx, s.HostProc) }
	notices := &host.Notices{Metadata: s.MetadataURL}
	c.ReadNotice = notices.Ask
	c.WatchNotice = c.watchNotice
	c.RunHook = c.runHook
	c.JudgeSwap = host.JudgeSwap(s.SwapLowPercent)
	c.JudgeRestart = host.JudgeRestart(s.RestartOKCode, s.RestartFailedCode)
	c.JudgeTerminate = host.JudgeTerminate
	c.Prepare = c.prepare
	c.WarmUpFailed = c.warmUpFailed
	c.Handle = c.Worker.Handle
	c.WatchAI = c.watchAI
	c.Heal = c.heal
	c.Recovered = c.recovered
	c.Lasting = time.Minute
	c.Park = c.park
	return c
}

func (c *Consumer) link(name, kind string) *queue.Link {
	s := c.Settings
	return &queue.Link{
		URL: s.AMQPURL, Name: name, Heartbeat: s.Heartbeat, Timeout: s.AMQPTimeout, Min: s.ReconnectMin, Max: s.ReconnectMax, Log: c.Log,
		OnConnected: func() { c.Board.Metrics.Reconnected(kind) },
	}
}

// transport keeps as many connections open as there are workers: each talks to the same two servers.
func transport(workers int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = workers + 2
	return t
}

// grace is what a report may take once its job was told to stop.
func grace(s settings.Settings) time.Duration { return min(2*time.Second, s.DrainTimeout/4) }

// enter changes the state, and logs it.
func (c *Consumer) enter(s ops.State, why string) {
	if c.Board.Enter(s) {
		c.Log.Info("state", "state", string(s), "why", why)
	}
}
