//go:build deps

// Package deps holds go.mod's requirements until the packages that need them have landed.
package deps

import (
	_ "github.com/Shopify/toxiproxy/v2"
	_ "github.com/failsafe-go/failsafe-go"
	_ "github.com/failsafe-go/failsafe-go/circuitbreaker"
	_ "github.com/failsafe-go/failsafe-go/retrypolicy"
	_ "github.com/goccy/go-yaml"
	_ "github.com/grafana/sobek"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/prometheus/client_golang/prometheus/testutil"
	_ "github.com/rabbitmq/amqp091-go"
	_ "github.com/shirou/gopsutil/v4/mem"
	_ "github.com/shirou/gopsutil/v4/process"
	_ "github.com/sirupsen/logrus"
	_ "github.com/spf13/cobra"
	_ "github.com/stretchr/testify/assert"
	_ "github.com/stretchr/testify/require"
	_ "go.k6.io/k6/v2/cmd"
	_ "go.k6.io/k6/v2/errext"
	_ "go.k6.io/k6/v2/js/common"
	_ "go.k6.io/k6/v2/js/modules"
	_ "go.k6.io/k6/v2/js/modulestest"
	_ "go.k6.io/k6/v2/js/promises"
	_ "go.k6.io/k6/v2/lib"
	_ "go.k6.io/k6/v2/metrics"
	_ "go.k6.io/k6/v2/subcommand"
	_ "go.uber.org/goleak"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/time/rate"
	_ "pgregory.net/rapid"
)
