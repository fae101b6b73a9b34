package settings

import (
	"flag"
	"time"
)

// field is one setting: where it comes from, what it may be, and what -help says.
type field struct {
	name  string // environment variable
	value flag.Value
	help  string
}

const (
	ms  = time.Millisecond
	day = 24 * time.Hour
)

// fields lists every setting with its default and range. A new setting is a field of Settings and a
// line here.
func (s *Settings) fields() []field {
	return []field{
		{"BACKENDS_FILE", required(text(&s.BackendsFile, "")), "YAML file of the backends; SIGHUP reads it again"},
		{"LISTEN_ADDR", text(&s.ListenAddr, "127.0.0.1:8000"), "address for the clients: HTTP/1.1 and h2c"},
		{"ADMIN_ADDR", loopback(&s.AdminAddr, "127.0.0.1:8001"), "loopback address of the admin API, /healthz, /readyz and /metrics"},
		{"OPS_ADDR", address(&s.OpsAddr), "a further address, of any host, of /healthz, /readyz and /metrics alone, for who is not on this machine (a load balancer, a kubelet, Prometheus); it tells the backends' addresses"},
		{"STOP_DELAY", span(&s.StopDelay, 0, 0, time.Hour), "told to stop, serve on for so long with /readyz at 503, so that who is in front finds out"},
		{"STOP_TIMEOUT", span(&s.StopTimeout, 25*time.Second, 0, time.Hour), "how long requests under way may take then"},
		{"LOG_LEVEL", level(&s.LogLevel), "debug, info, warn or error"},
		{"ACCESS_LOG", toggle(&s.AccessLog, false), "true: a line a request"},

		{"PICKER", choice(&s.Picker, "round-robin", "round-robin", "least-active"), "which backend is next: round-robin or least-active"},
		{"SLOW_START", span(&s.SlowStart, 0, 0, day), "how long the share of a backend grows that has come into service; 0: it is whole at once"},
		{"DRAIN_TIMEOUT", span(&s.DrainTimeout, 30*time.Second, 0, day), "how long requests may take at a backend that leaves"},
		{"HEALTH_JITTER_PERCENT", percent(&s.HealthJitter, 0), "health checks come earlier or later by up to so much of their interval; 0: times can be computed"},

		{"EJECT_AFTER", number(&s.EjectAfter, 5, 0, 1<<20), "failed requests in a row after which a backend is ejected; 0: never"},
		{"EJECT_5XX", toggle(&s.Eject5xx, true), "true: an answer of 500 or more is such a failure, not only a missing one"},
		{"EJECT_TIME", span(&s.EjectTime, 10*time.Second, ms, day), "least time of the first ejection; doubles with each in a row"},
		{"EJECT_TIME_MAX", span(&s.EjectTimeMax, 5*time.Minute, ms, day), "least time of an ejection at most"},
		{"EJECT_MAX_PERCENT", percent(&s.EjectMaxShare, 50), "share of the backends that may be ejected at a time; the last one in service never is"},
		{"QUEUE_PLACES", number(&s.QueuePlaces, 0, 0, 1<<20), "requests that may wait when every backend is at its limit"},
		{"QUEUE_TIMEOUT", span(&s.QueueTimeout, 100*ms, ms, time.Hour), "how long each may"},
		{"SHED_PERCENT", percent(&s.ShedShare, 85), "share of the limit of active requests above which new ones get 429"},
		{"SHED_LIMIT", number(&s.ShedLimit, 0, 0, 1<<30), "limit of active requests; 0: the sum of max_active of the backends in service"},
		{"RETRY_AFTER", span(&s.RetryAfter, time.Second, time.Second, time.Hour), "what Retry-After says on 429 and 503, in whole seconds"},

		{"CONNECT_TIMEOUT", span(&s.ConnectTimeout, time.Second, ms, time.Hour), "limit of a connect to a backend"},
		{"FIRST_BYTE_TIMEOUT", span(&s.FirstByte, 30*time.Second, ms, day), "limit from the last byte sent to a backend to the first one of its answer"},
		{"IDLE_TIMEOUT", span(&s.IdleTimeout, 30*time.Second, ms, day), "limit between two bytes of a backend's answer, or of a client's body"},
		{"TOTAL_TIMEOUT", span(&s.TotalTimeout, 0, 0, day), "limit of a request as a whole, retries included; 0: none"},
		{"UPGRADE_IDLE_TIMEOUT", span(&s.UpgradeIdle, time.Hour, 0, 30*day), "limit between two bytes, either way, of an upgraded connection (WebSocket); 0: none"},
		{"BACKEND_KEEP_ALIVE", span(&s.BackendIdle, 4*time.Second, ms, time.Hour), "how long an unused connection to a backend is kept; less than the backend keeps it (uvicorn: 5 s)"},

		{"RETRY_ATTEMPTS", number(&s.RetryAttempts, 2, 0, 10), "further backends tried when it is safe; 0: none"},
		{"RETRY_CODES", text(&s.RetryCodes, "502-504"), "answers after which another backend is tried; none: no answer is"},
		{"RETRY_PERCENT", percent(&s.RetryShare, 20), "retries at most, of the requests of the last ten seconds"},
		{"RETRY_PER_SECOND", number(&s.RetryPerSecond, 1, 0, 1<<20), "retries a second that may be beyond that"},
		{"RETRY_BODY_LIMIT", number(&s.RetryBody, 64<<10, 0, 16<<20), "bytes of a body that are kept to send it again"},

		{"HEADER_TIMEOUT", span(&s.HeaderTimeout, 10*time.Second, ms, time.Hour), "limit of the head of a client's request"},
		{"CLIENT_KEEP_ALIVE", span(&s.ClientIdle, 75*time.Second, ms, day), "how long an unused connection of a client is kept"},
		{"CLIENT_CONNECTIONS", number(&s.ClientMost, 10_000, 0, 1<<20), "connections of clients at a time; one more is answered 503 with RETRY_AFTER and closed; 0: any number"},
		{"HEADER_LIMIT", number(&s.HeaderLimit, 32<<10, 1<<10, 1<<20), "bytes of the head of a request"},
		{"HEADER_FIELDS", number(&s.HeaderFields, 128, 1, 1<<16), "header fields of a request"},
		{"URI_LIMIT", number(&s.URILimit, 8<<10, 64, 1<<20), "bytes of a request's target"},
		{"BODY_LIMIT", number(&s.BodyLimit, 16<<20, 1, 1<<40), "bytes of a request's body"},
		{"BODY_GRACE", span(&s.BodyGrace, 20*time.Second, ms, day), "how long a body may take before it must keep up with BODY_RATE"},
		{"BODY_RATE", number(&s.BodyRate, 500, 1, 1<<30), "bytes of a body a second at least"},

		{"READER_HIGH", number(&s.BufferHigh, 256<<10, 64<<10, 1<<30), "bytes kept for one slow reader at most"},
		{"READER_LOW", number(&s.BufferLow, 64<<10, 32<<10, 1<<30), "bytes kept for it under which the backend is read again"},
		{"READERS_MOST", number(&s.BufferMost, 256<<20, 1<<20, 1<<40), "bytes kept for all slow readers; beyond it each has 64 KB at most, and its backend waits for it"},
		{"READER_STALL", span(&s.ReaderStall, 30*time.Second, ms, day), "how long a reader may take less than 32 KB before it is cut"},
		{"READER_TOTAL", span(&s.ReaderTotal, 0, 0, day), "how long a reader may be slow before it is cut; 0: as long as it takes enough"},
		{"SEND_BUFFER", number(&s.SendBuffer, 256<<10, 4<<10, 1<<30), "bytes that the kernel keeps for one client, about"},

		{"CACHE_BYTES", number(&s.CacheBytes, 64<<20, 0, 1<<40), "bytes of stored answers; 0: no cache"},
		{"CACHE_OBJECT", number(&s.CacheObject, 1<<20, 1, 1<<30), "bytes of the largest body that is stored"},
		{"CACHE_UNSAID", span(&s.CacheUnsaid, 0, 0, 30*day), "how long an answer is fresh that does not say; 0: not at all"},
		{"CACHE_WAIT", span(&s.CacheWait, time.Second, ms, time.Hour), "how long a request waits for the head of another's answer that may be for both"},

		{"TRUST_FORWARDED", toggle(&s.TrustForwarded, false), "true: X-Forwarded-* of a request are kept and added to; false: they are replaced"},
		{"VIA", text(&s.Via, "proxy"), "name of the proxy in the Via header"},
		{"SERVED_BY", toggle(&s.ServedBy, true), "true: X-Served-By names the backend in each answer, X-Served-Version its version"},
	}
}
