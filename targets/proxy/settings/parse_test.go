package settings_test

import (
	"bytes"
	"flag"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/settings"
)

func env(pairs map[string]string) func(string) (string, bool) {
	all := map[string]string{"BACKENDS_FILE": "backends.yaml"}
	for k, v := range pairs {
		all[k] = v
	}
	return func(name string) (string, bool) { v, ok := all[name]; return v, ok }
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s, err := settings.Parse(nil, env(nil), io.Discard)
	require.NoError(t, err)
	require.Equal(t, "backends.yaml", s.BackendsFile)
	require.Equal(t, "round-robin", s.Picker)
	require.Equal(t, 85.0, s.ShedShare)
	require.Equal(t, "502-504", s.RetryCodes)
	require.Equal(t, time.Second, s.RetryAfter)
	require.Equal(t, slog.LevelInfo, s.LogLevel)
	require.True(t, s.ServedBy)
	require.Empty(t, s.OpsAddr)
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	t.Parallel()
	s, err := settings.Parse([]string{"-picker", "least-active", "--stop-timeout=3s"},
		env(map[string]string{"PICKER": "round-robin", "SHED_PERCENT": "70", "ADMIN_ADDR": "[::1]:0", "OPS_ADDR": ":9090"}), io.Discard)
	require.NoError(t, err)
	require.Equal(t, "least-active", s.Picker)
	require.Equal(t, 3*time.Second, s.StopTimeout)
	require.Equal(t, 70.0, s.ShedShare)
	require.Equal(t, "[::1]:0", s.AdminAddr)
	require.Equal(t, ":9090", s.OpsAddr)
}

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env     map[string]string
		args    []string
		setting string
		text    string
	}{
		"missing":          {map[string]string{"BACKENDS_FILE": ""}, nil, "BACKENDS_FILE", "needed and not set"},
		"not a number":     {map[string]string{"EJECT_AFTER": "many"}, nil, "EJECT_AFTER", "not a whole number"},
		"out of range":     {map[string]string{"RETRY_ATTEMPTS": "11"}, nil, "RETRY_ATTEMPTS", "want 0 to 10"},
		"not a duration":   {nil, []string{"-connect-timeout", "10"}, "CONNECT_TIMEOUT", "not a duration"},
		"not a percentage": {map[string]string{"SHED_PERCENT": "101"}, nil, "SHED_PERCENT", "not a percentage"},
		"picker":           {map[string]string{"PICKER": "random"}, nil, "PICKER", "round-robin, least-active"},
		"open admin":       {map[string]string{"ADMIN_ADDR": "0.0.0.0:1"}, nil, "ADMIN_ADDR", "not a loopback"},
		"admin port":       {map[string]string{"ADMIN_ADDR": "localhost"}, nil, "ADMIN_ADDR", "not host:port"},
		"same address":     {map[string]string{"ADMIN_ADDR": "127.0.0.1:8000"}, nil, "ADMIN_ADDR", "also LISTEN_ADDR"},
		"ops port":         {map[string]string{"OPS_ADDR": "8002"}, nil, "OPS_ADDR", "not host:port"},
		"same ops":         {map[string]string{"OPS_ADDR": "127.0.0.1:8001"}, nil, "OPS_ADDR", "also ADMIN_ADDR"},
		"clients' ops":     {map[string]string{"OPS_ADDR": "127.0.0.1:8000"}, nil, "OPS_ADDR", "also LISTEN_ADDR"},
		"eject times":      {map[string]string{"EJECT_TIME_MAX": "1s"}, nil, "EJECT_TIME_MAX", "less than EJECT_TIME"},
		"total":            {map[string]string{"TOTAL_TIMEOUT": "1s"}, nil, "TOTAL_TIMEOUT", "less than FIRST_BYTE_TIMEOUT"},
		"marks":            {map[string]string{"READER_LOW": "300000"}, nil, "READER_LOW", "not less than READER_HIGH"},
		"codes":            {map[string]string{"RETRY_CODES": "5xx"}, nil, "RETRY_CODES", "no status code"},
		"via":              {map[string]string{"VIA": "two words"}, nil, "VIA", "not one word"},
		"connections":      {map[string]string{"CLIENT_CONNECTIONS": "-1"}, nil, "CLIENT_CONNECTIONS", "want 0 to 1048576"},
		"toggle":           {map[string]string{"SERVED_BY": "yes"}, nil, "SERVED_BY", "not true or false"},
		"log level":        {map[string]string{"LOG_LEVEL": "loud"}, nil, "LOG_LEVEL", "not debug"},
		"unknown flag":     {nil, []string{"-nope"}, "", "-nope"},
		"argument":         {nil, []string{"nope"}, "", `"nope"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := settings.Parse(c.args, env(c.env), io.Discard)
			var wrong *settings.Error
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.setting, wrong.Setting)
			require.ErrorContains(t, err, c.text)
		})
	}
}

func TestHelpListsEverySetting(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, err := settings.Parse([]string{"-help"}, env(nil), &out)
	require.ErrorIs(t, err, flag.ErrHelp)
	for _, want := range []string{"BACKENDS_FILE", "(default none)", "(default 85)", "UPGRADE_IDLE_TIMEOUT", "(default 30s)"} {
		require.Contains(t, out.String(), want)
	}
}
