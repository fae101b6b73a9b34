package asgi_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/fakes/asgi"
)

// How the server of the incident was started, and what somebody did against the line in its log.
func ExampleServer_Command() {
	for _, how := range []string{
		`{"app": "django", "gunicorn": true, "workers": 2, "timeout": "300s"}`,
		`{"app": "django", "gunicorn": true, "workers": 2, "lifespan": "off"}`,
	} {
		var s asgi.Server
		if err := json.Unmarshal([]byte(how), &s); err != nil {
			fmt.Println(err)
			return
		}
		c, err := s.Command("/run/of/the/lab", "127.0.0.1:8000")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.Path, strings.Join(c.Args, " "))
	}
	// Output:
	// /usr/bin/gunicorn web:application -b 127.0.0.1:8000 -w 2 -k uvicorn.workers.UvicornWorker --timeout 300
	// /usr/bin/gunicorn web:application -b 127.0.0.1:8000 -w 2 -k uvicorn.workers.UvicornWorker --lifespan off
}
