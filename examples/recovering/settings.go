package main

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// settings is what the consumer is told, by environment variables alone.
type settings struct {
	amqpURL          string
	queue            string
	dead, retry      string
	prefetch         int           // unsettled deliveries at most, and as many jobs at a time
	heartbeat        time.Duration // silence on the connection is noticed after about 1.5 times that
	recoveryInterval time.Duration // the library's wait before each attempt to recover; it adds up to 0.5 s
	callLimit        time.Duration // for each step that waits for the broker, the handshake too
	stallAfter       time.Duration // silence after which we doubt what we see

	aiURL, apiURL         string
	aiTimeout, apiTimeout time.Duration
	reportLimit           time.Duration // for one attempt's report, while the API server answers and refuses it

	maxAttempts  int
	retryDelay   time.Duration
	drainTimeout time.Duration
	listen       string
}

// parse reads the settings. Every error names its variable, and none quotes a URL: it may hold a password.
func parse(lookup func(string) string) (settings, error) {
	s := settings{
		amqpURL: lookup("AMQP_URL"), queue: lookup("AMQP_QUEUE"),
		dead: lookup("AMQP_DEAD_QUEUE"), retry: lookup("AMQP_RETRY_QUEUE"),
		aiURL: lookup("AI_URL"), apiURL: lookup("API_URL"), listen: lookup("LISTEN_ADDR"),
	}
	for name, value := range map[string]string{"AMQP_URL": s.amqpURL, "AI_URL": s.aiURL, "API_URL": s.apiURL} {
		if u, err := url.Parse(value); err != nil || u.Host == "" {
			return s, fmt.Errorf("%s: want a URL with a host", name)
		}
	}
	defaults := map[*string]string{&s.queue: "jobs", &s.listen: "127.0.0.1:8081"}
	for field, value := range defaults {
		if *field == "" {
			*field = value
		}
	}
	if s.dead == "" {
		s.dead = s.queue + ".dead"
	}
	if s.retry == "" {
		s.retry = s.queue + ".retry"
	}
	for _, f := range []struct {
		name      string
		field     *int
		otherwise int
	}{{"AMQP_PREFETCH", &s.prefetch, 1}, {"MAX_ATTEMPTS", &s.maxAttempts, 5}} {
		*f.field = f.otherwise
		if text := lookup(f.name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 1000 {
				return s, fmt.Errorf("%s: %q, want a whole number from 1 to 1000", f.name, text)
			}
			*f.field = n
		}
	}
	for _, f := range []struct {
		name      string
		field     *time.Duration
		otherwise time.Duration
	}{
		{"AMQP_HEARTBEAT", &s.heartbeat, 10 * time.Second},
		{"RECOVERY_INTERVAL", &s.recoveryInterval, time.Second},
		{"CALL_LIMIT", &s.callLimit, 5 * time.Second},
		{"STALL_AFTER", &s.stallAfter, 5 * time.Second},
		{"AI_TIMEOUT", &s.aiTimeout, 30 * time.Second},
		{"API_TIMEOUT", &s.apiTimeout, 10 * time.Second},
		{"REPORT_LIMIT", &s.reportLimit, 5 * time.Minute},
		{"RETRY_DELAY", &s.retryDelay, time.Second},
		{"DRAIN_TIMEOUT", &s.drainTimeout, 25 * time.Second},
	} {
		*f.field = f.otherwise
		if text := lookup(f.name); text != "" {
			d, err := time.ParseDuration(text)
			if err != nil || d < time.Millisecond || d > time.Hour {
				return s, fmt.Errorf("%s: %q, want a duration from 1ms to 1h", f.name, text)
			}
			*f.field = d
		}
	}
	return s, nil
}
