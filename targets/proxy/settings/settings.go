package settings

import (
	"log/slog"
	"time"
)

// Settings holds every setting of the proxy. Parse fills it; what each means is in list.go.
type Settings struct {
	BackendsFile string
	ListenAddr   string
	AdminAddr    string
	OpsAddr      string
	StopDelay    time.Duration
	StopTimeout  time.Duration
	LogLevel     slog.Level
	AccessLog    bool

	Picker       string
	SlowStart    time.Duration
	DrainTimeout time.Duration
	HealthJitter float64

	EjectAfter     int
	EjectTime      time.Duration
	EjectTimeMax   time.Duration
	EjectMaxShare  float64
	Eject5xx       bool
	QueuePlaces    int
	QueueTimeout   time.Duration
	ShedShare      float64
	ShedLimit      int
	RetryAfter     time.Duration
	ConnectTimeout time.Duration
	FirstByte      time.Duration
	IdleTimeout    time.Duration
	TotalTimeout   time.Duration
	UpgradeIdle    time.Duration
	BackendIdle    time.Duration

	RetryAttempts  int
	RetryCodes     string
	RetryShare     float64
	RetryPerSecond int
	RetryBody      int

	HeaderTimeout  time.Duration
	ClientIdle     time.Duration
	ClientMost     int
	HeaderLimit    int
	HeaderFields   int
	URILimit       int
	BodyLimit      int
	BodyGrace      time.Duration
	BodyRate       int
	BufferHigh     int
	BufferLow      int
	BufferMost     int
	ReaderStall    time.Duration
	ReaderTotal    time.Duration
	SendBuffer     int
	CacheBytes     int
	CacheObject    int
	CacheUnsaid    time.Duration
	CacheWait      time.Duration
	TrustForwarded bool
	Via            string
	ServedBy       bool
}
