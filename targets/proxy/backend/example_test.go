package backend_test

import (
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
)

func ExampleParse() {
	specs, err := backend.Parse([]byte(`
defaults:
  max_active: 50
  health: {path: /healthz, codes: "200,301", interval: 5s, timeout: 2s, healthy: 2, unhealthy: 3, grace: 30s}
backends:
  - name: blue
    url: http://127.0.0.1:9001
    version: v1
  - name: green
    url: http://127.0.0.1:9002
    version: v2
    weight: 3
    health: {path: /up}
`))
	for _, s := range specs {
		fmt.Println(s.Name, s.Version, s.URL, s.Weight, s.MaxActive, s.Health.Path, s.Health.Codes)
	}
	_, wrong := backend.Parse([]byte("backends:\n  - name: blue\n    url: http://127.0.0.1:9001\n    weight: 0\n"))
	fmt.Println(err, wrong)
	// Output:
	// blue v1 http://127.0.0.1:9001 1 50 /healthz 200 or 301
	// green v2 http://127.0.0.1:9002 3 50 /up 200 or 301
	// <nil> line 4: weight: 0 is out of range: want 1 to 1000
}
