package rollout_test

import (
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/fakes/rollout"
)

// A decision depends on the situation alone: with one new task healthy, one old one may go, and the
// deployment is not done.
func ExampleStop() {
	s := rollout.Situation{Settings: rollout.Defaults(), Target: "v2"}
	s.Desired = 2
	s.Tasks = []rollout.Task{
		{Name: "v1-1", Version: "v1", State: rollout.Healthy},
		{Name: "v1-2", Version: "v1", State: rollout.Healthy},
		{Name: "v2-3", Version: "v2", State: rollout.Healthy},
		{Name: "v2-4", Version: "v2", State: rollout.Starting, Reason: "connection refused"},
	}
	for _, t := range rollout.Stop(s) {
		fmt.Println("stop", t.Name)
	}
	fmt.Println("done:", rollout.Done(s))
	fmt.Println(s)
	// Output:
	// stop v1-1
	// done: false
	// v1-1 healthy, v1-2 healthy, v2-3 healthy, v2-4 starting (connection refused)
}
