package guard_test

import (
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/guard"
)

func Example() {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return
	}
	limits := guard.Limits{Body: 1 << 20}
	app := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: guard.NewHandler(limits, app), ConnState: guard.Hijacked}
	limits.Server(server)
	done := make(chan error)
	go func() {
		done <- server.Serve(&guard.Listener{Listener: inner, Refused: func(_ net.Addr, r guard.Reason) { fmt.Println("refused:", r) }})
	}()
	conn, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n")
	answer, _ := io.ReadAll(conn)
	fmt.Printf("%.24s\n", answer)
	_, _ = server.Close(), <-done
	// Output:
	// refused: both Content-Length and Transfer-Encoding
	// HTTP/1.1 400 Bad Request
}
