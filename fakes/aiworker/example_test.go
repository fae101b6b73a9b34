package aiworker_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
)

// A script as it is written in a scenario. Pushed while no worker runs, it is what the next one
// begins with.
func ExampleRemote_Push() {
	var s aiworker.Script
	err := json.Unmarshal([]byte(`{
		"warm": "2ms", "cold": 5,
		"rules": [
			{"do": "fail", "status": 503, "times": 3},
			{"do": "oom", "match": "m42", "times": 1},
			{"on": "boot", "do": "slow-boot", "delay": "1.5s"}
		]
	}`), &s)
	if err != nil {
		fmt.Println(err)
		return
	}
	remote := aiworker.Remote{OnEvent: func(e aiworker.Event) { fmt.Println(e.Msg, e.Text) }}
	fmt.Println(remote.Push(context.Background(), s))
	fmt.Println(json.Unmarshal([]byte(`{"rules":[{"do":"slow"}]}`), &s))
	// Output:
	// <nil>
	// AI worker script: rule: slow: want a factor or a delay, one of them
}
