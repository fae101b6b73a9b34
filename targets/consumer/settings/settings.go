package settings

import (
	"log/slog"
	"time"
)

// Settings holds every setting of the consumer. Parse fills it; the comment of each field in fields
// (see list.go) is what -help prints.
type Settings struct {
	AMQPURL    string
	Queue      string
	DeadQueue  string
	RetryQueue string
	Prefetch   int
	Workers    int
	Heartbeat  time.Duration

	QueueType     string
	MaxPriority   int
	DeliveryLimit int
	DeadLetter    bool

	AMQPTimeout  time.Duration
	ReconnectMin time.Duration
	ReconnectMax time.Duration
	StallAfter   time.Duration

	AIURL           string
	AIModel         string
	AITimeout       time.Duration
	AICheckInterval time.Duration
	AIDownAfter     time.Duration
	AIReadyLimit    time.Duration
	AIPingTimeout   time.Duration
	AIFailures      int
	AITimeouts      int
	WarmUpBackoff   time.Duration

	APIURL        string
	APITimeout    time.Duration
	APIRetryLimit time.Duration
	AlertURL      string

	HostProc            string
	SwapLowPercent      float64
	MemoryCheckInterval time.Duration
	MemoryBootLimit     time.Duration
	MemoryReadLimit     time.Duration

	RestartCommand    []string
	RestartTimeout    time.Duration
	RestartAttempts   int
	RestartOKCode     int
	RestartFailedCode int
	RestartBackoff    time.Duration

	TerminateCommand []string
	TerminateTimeout time.Duration
	TerminateBackoff time.Duration
	TerminateWait    time.Duration
	InstanceID       string
	Region           string
	MetadataURL      string

	NoticeCheckInterval time.Duration

	MaxAttempts  int
	MaxCrashes   int
	RetryDelay   time.Duration
	StateDir     string
	DrainTimeout time.Duration
	ListenAddr   string
	LogLevel     slog.Level
}
