package upstream_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
)

// A backend that is not healthy at first, in the test's own process.
func Example() {
	backend, err := upstream.Listen(context.Background(), upstream.Config{
		Script: upstream.Script{
			Version: "2",
			Rules:   []upstream.Rule{{On: upstream.OnHealth, Do: upstream.Fail, Status: 404, Turn: script.Turn{Times: 1}}},
		},
		OnRecord: func(r upstream.Record) {
			if !r.Ended.IsZero() {
				fmt.Println(r.Path, r.Status, "by version", r.Version)
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Close()
	for range 2 {
		res, err := http.Get(backend.URL() + "/healthz")
		if err != nil {
			fmt.Println(err)
			return
		}
		res.Body.Close()
	}
	// Output:
	// /healthz 404 by version 2
	// /healthz 200 by version 2
}
