package cache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/cache"
)

func Example() {
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = fmt.Fprint(w, "hello ", r.Header.Get("Cookie"))
	})
	c := &cache.Cache{Next: backend, Bytes: 100 << 20}
	for _, cookie := range []string{"", "", "user=ann", "user=bob"} {
		r := httptest.NewRequest("GET", "/", nil)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		fmt.Printf("%s: %q\n", w.Header().Get("X-Cache"), w.Body)
	}
	// Output:
	// miss: "hello "
	// hit: "hello "
	// pass: "hello user=ann"
	// pass: "hello user=bob"
}
