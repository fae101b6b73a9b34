package settings_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/settings"
)

func env(pairs map[string]string) func(string) (string, bool) {
	all := map[string]string{"AMQP_URL": "amqp://u:secret@h/", "AI_URL": "http://ai", "API_URL": "http://api"}
	for k, v := range pairs {
		all[k] = v
	}
	return func(name string) (string, bool) { v, ok := all[name]; return v, ok }
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s, err := settings.Parse(nil, env(nil), io.Discard)
	require.NoError(t, err)
	require.Equal(t, "jobs", s.Queue)
	require.Equal(t, "jobs.dead", s.DeadQueue)
	require.Equal(t, "jobs.retry", s.RetryQueue)
	require.Equal(t, 8, s.Prefetch)
	require.Equal(t, 1, s.RestartOKCode)
	require.Equal(t, 0, s.RestartFailedCode)
	require.Equal(t, time.Minute, s.MemoryBootLimit)
	require.Equal(t, slog.LevelInfo, s.LogLevel)
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	t.Parallel()
	s, err := settings.Parse([]string{"-amqp-prefetch", "3", "--restart-command=/bin/r a b", "-memory-boot-limit", "0"},
		env(map[string]string{"AMQP_PREFETCH": "5", "CONCURRENCY": "2", "AMQP_QUEUE": "work"}), io.Discard)
	require.NoError(t, err)
	require.Equal(t, 3, s.Prefetch)
	require.Equal(t, 2, s.Workers)
	require.Equal(t, []string{"/bin/r", "a", "b"}, s.RestartCommand)
	require.Equal(t, "work.dead", s.DeadQueue)
	require.Zero(t, s.MemoryBootLimit)
}

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env     map[string]string
		args    []string
		setting string
		text    string
	}{
		"missing":           {map[string]string{"API_URL": ""}, nil, "API_URL", "needed and not set"},
		"not a number":      {map[string]string{"CONCURRENCY": "many"}, nil, "CONCURRENCY", "not a whole number"},
		"out of range":      {map[string]string{"AMQP_PREFETCH": "0"}, nil, "AMQP_PREFETCH", "want 1 to 65535"},
		"not a duration":    {nil, []string{"-ai-timeout", "10"}, "AI_TIMEOUT", "not a duration"},
		"negative duration": {map[string]string{"RETRY_DELAY": "-1s"}, nil, "RETRY_DELAY", "out of range"},
		"not a percentage":  {map[string]string{"SWAP_LOW_PERCENT": "NaN"}, nil, "SWAP_LOW_PERCENT", "not a percentage"},
		"wrong scheme":      {map[string]string{"AI_URL": "ftp://x"}, nil, "AI_URL", "http://"},
		"no host":           {map[string]string{"ALERT_URL": "http:///x"}, nil, "ALERT_URL", "names a host"},
		"unreadable URL":    {map[string]string{"AMQP_URL": "amqp://u:secret@h:x/"}, nil, "AMQP_URL", "not a valid URL"},
		"log level":         {map[string]string{"LOG_LEVEL": "loud"}, nil, "LOG_LEVEL", "not debug"},
		"same queue":        {map[string]string{"AMQP_DEAD_QUEUE": "jobs"}, nil, "AMQP_DEAD_QUEUE", "must differ"},
		"same codes":        {map[string]string{"RESTART_OK_CODE": "0"}, nil, "RESTART_OK_CODE", "also RESTART_FAILED_CODE"},
		"max below min":     {map[string]string{"RECONNECT_MAX": "1ms"}, nil, "RECONNECT_MAX", "less than"},
		"queue type":        {map[string]string{"AMQP_QUEUE_TYPE": "stream"}, nil, "AMQP_QUEUE_TYPE", "not one of classic, quorum"},
		"dead letter":       {map[string]string{"AMQP_DEAD_LETTER": "yes"}, nil, "AMQP_DEAD_LETTER", "not true or false"},
		"quorum priority":   {map[string]string{"AMQP_QUEUE_TYPE": "quorum", "AMQP_MAX_PRIORITY": "9"}, nil, "AMQP_MAX_PRIORITY", "no priorities"},
		"classic limit":     {map[string]string{"AMQP_DELIVERY_LIMIT": "9"}, nil, "AMQP_DELIVERY_LIMIT", "only a quorum queue"},
		"limit to nowhere":  {map[string]string{"AMQP_QUEUE_TYPE": "quorum", "AMQP_DELIVERY_LIMIT": "9"}, nil, "AMQP_DELIVERY_LIMIT", "9 would have the broker drop the jobs that it gives up: set AMQP_DEAD_LETTER=true"},
		"crashes":           {map[string]string{"MAX_CRASHES": "3"}, nil, "MAX_CRASHES", "3 is not fewer than RESTART_ATTEMPTS 3"},
		"restarts":          {map[string]string{"RESTART_ATTEMPTS": "2"}, nil, "MAX_CRASHES", "2 is not fewer than RESTART_ATTEMPTS 2"},
		"no room to crash":  {map[string]string{"RESTART_ATTEMPTS": "1"}, nil, "RESTART_ATTEMPTS", "want 2 to 1000"},
		"crashes to limit":  {quorum("3", "1000"), nil, "AMQP_DELIVERY_LIMIT", "3 is not fewer than RESTART_ATTEMPTS 3"},
		"unknown flag":      {nil, []string{"-nope"}, "", "-nope"},
		"argument":          {nil, []string{"nope"}, "", `"nope"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := settings.Parse(c.args, env(c.env), io.Discard)
			var wrong *settings.Error
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.setting, wrong.Setting)
			require.ErrorContains(t, err, c.text)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

// A job that takes the AI process down each time is given up by whichever limit comes first.
func TestOneLimitOnCrashesIsEnough(t *testing.T) {
	t.Parallel()
	for _, e := range []map[string]string{quorum("2", "1000"), quorum("1000", "2"), {"MAX_CRASHES": "7", "RESTART_ATTEMPTS": "8"}} {
		_, err := settings.Parse(nil, env(e), io.Discard)
		require.NoError(t, err, e)
	}
}

func quorum(limit, crashes string) map[string]string {
	return map[string]string{"AMQP_QUEUE_TYPE": "quorum", "AMQP_DELIVERY_LIMIT": limit, "AMQP_DEAD_LETTER": "true", "MAX_CRASHES": crashes}
}

func TestHelpListsEverySettingAndNoSecret(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, err := settings.Parse([]string{"-help"}, env(nil), &out)
	require.True(t, errors.Is(err, flag.ErrHelp))
	for _, want := range []string{"AMQP_URL", "TERMINATE_BACKOFF", "(default 10s)", "(default none)", "HOST_PROC"} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "secret")
}

func TestRedact(t *testing.T) {
	t.Parallel()
	require.Equal(t, "amqp://u:xxxxx@h/v", settings.Redact("amqp://u:secret@h/v"))
	require.NotContains(t, settings.Redact("amqp://u:secret@h:x/"), "secret")
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"8", "10s", "amqp://a:b@c/", "", "-1", "1e9", "http://x", "debug", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"AMQP_URL", "AMQP_PREFETCH", "AI_TIMEOUT", "SWAP_LOW_PERCENT", "LOG_LEVEL", "RESTART_COMMAND"} {
			s, err := settings.Parse(nil, env(map[string]string{name: text}), io.Discard)
			if err != nil {
				require.ErrorContains(t, err, name)
				continue
			}
			require.Positive(t, s.Prefetch)
			require.Positive(t, s.AITimeout)
			require.GreaterOrEqual(t, s.SwapLowPercent, 0.0)
		}
	})
}
