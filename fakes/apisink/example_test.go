package apisink_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/fakes/apisink"
	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// The API server accepts a result, yet answers an error: the consumer reports again, under the same
// key, and nothing happens twice.
func Example() {
	sink, err := apisink.Listen(context.Background(), apisink.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	if _, err := sink.Add(apisink.Rule{Do: apisink.AcceptFail, Turn: script.Turn{Times: 1}}); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		req, err := http.NewRequest(http.MethodPut, sink.URL()+"/images/m1", strings.NewReader(`{"image":"…"}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Idempotency-Key", "m1")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		res.Body.Close()
		fmt.Println(res.Status)
	}
	fmt.Printf("%+v\n", sink.Counts())
	// Output:
	// 500 Internal Server Error
	// 200 OK
	// {Requests:2 Effects:1 Replays:1 Refused:1}
}
