package alertsink_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/fakes/alertsink"
)

func Example() {
	sink, err := alertsink.Listen(context.Background(), alertsink.Config{OnAlert: func(a alertsink.Alert) {
		fmt.Printf("%s: %s (all-clear: %v)\n", a.Title, a.Text, a.AllClear)
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	for _, message := range []string{
		`{"attachments":[{"color":"danger","title":"AI process down","text":"exit code 137"}]}`,
		`{"attachments":[{"color":"good","title":"AI process down","text":"it is back"}]}`,
	} {
		res, err := http.Post(sink.URL(), "application/json", strings.NewReader(message))
		if err != nil {
			fmt.Println(err)
			return
		}
		res.Body.Close()
	}
	// Output:
	// AI process down: exit code 137 (all-clear: false)
	// AI process down: it is back (all-clear: true)
}
