package consumer_test

import (
	"os"
	"testing"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/brokertest"
)

func TestMain(m *testing.M) { os.Exit(brokertest.Main(m)) }
