// Package legacyproxy is the proxy as it was on bad days: the same parts with one decision swapped for a
// faulty one that an incident was made of. Defect is its central type, All the list. It exists to show
// that a check notices; nobody should deploy it.
package legacyproxy

import (
	"io"

	"github.com/comeback-chaos/xk6-comeback/targets/legacy/defect"
	"github.com/comeback-chaos/xk6-comeback/targets/proxy"
)

// Defect is one known bug.
type Defect struct {
	Name  string
	Doc   string // one line
	Apply func(*proxy.Proxy)
}

// All lists every defect. A new one is a file and a line here.
var All = []Defect{
	{"C2-any-answer-is-healthy", "whatever a backend answers to a check counts as healthy", anyAnswerIsHealthy},
	{"C3-never-back", "a backend that was out of service is never let back in", neverBack},
	{"C3-out-too-soon", "one bad health check takes a backend out", outTooSoon},
	{"C3-out-too-late", "a backend goes out one bad health check later than it is said", outTooLate},
	{"C3-in-too-soon", "one good health check lets a backend in again", inTooSoon},
	{"C5-sends-to-drained", "a backend that is being drained gets what there is", sendsToDrained},
	{"C5-sends-to-starting", "a backend that is new gets what there is before it is healthy", sendsToStarting},
	{"C9-retries-post", "a POST whose connection died is tried at another backend", retriesPost},
	{"C9-says-done", "an order that it could not give to anybody it says to be done", saysDone},
	{"C9-never-retries", "what one backend failed is failed, though another could do it", neverRetries},
	{"D6-429-for-ever", "once it has turned somebody away, one request at a time is all that it takes", turnsAwayForEver},
	{"D6-sheds-too-soon", "it turns requests away with more than half of what its backends can do left", shedsTooSoon},
	{"D6-lets-all-wait", "nobody is turned away: whoever comes while all backends are busy waits", letsAllWait},
	{"D7-stores-nothing", "what a backend allows to be stored is asked for each time", storesNothing},
	{"D7-always-whole", "a client is sent the edition that it says it has", alwaysWhole},
	{"D7-never-revalidates", "what is stored is good for a day, whatever the backend says of it", neverRevalidates},
	{"D7-always-revalidates", "what is stored is asked for each time, whatever the backend says of it", alwaysRevalidates},
	{"D8-cache-without-user", "an answer that is for one user is stored for all", cacheWithoutUser},
	{"D1-alive-is-healthy", "a backend that accepts a TCP connection counts as healthy", aliveIsHealthy},
	{"D9-unbounded-buffer", "it reads the whole answer of a backend, whatever the reader takes", unboundedBuffer},
	{"D9-cuts-at-once", "whoever does not take an answer as fast as it comes is cut", cutsAtOnce},
	{"D9-total-limit", "an answer must be taken within two seconds, however much of it the client takes", totalLimit},
	{"D5-no-bulkhead", "a backend may have any number of requests, and take for ever to answer them", noBulkhead},
	{"D5-no-budget", "whatever failed is tried again, however much fails", noBudget},
	{"C6-no-retry-after", "without a healthy backend it does not say when to come again", noRetryAfter},
	{"C6-lets-wait", "without a healthy backend it lets the client wait half a second before it says when to come again", letsWait},
	{"D3-blip-ejects", "one failed request takes a backend out of service for long", blipEjects},
	{"N3-any-end-is-the-end", "an answer of which a part is missing is passed on as whole", anyEndIsTheEnd},
	{"N4-takes-turns", "each backend gets the next request, however many it has not answered yet", takesTurns},
	{"N5-reads-to-the-end", "an answer is over when the backend has closed the connection, and not before", readsToTheEnd},
	{"N6-waits-for-ever", "it waits for the first byte of an answer without a limit", waitsForEver},

	{"fail-one-in-500", "one request in 500 is answered 500 by the proxy itself", failOneIn500},
	{"cut-one-in-500", "one request in 500 has its connection cut", cutOneIn500},
	{"post-twice-one-in-500", "one POST in 500 is given to the backend twice", postTwiceOneIn500},
}

// Main is the program: args start with -defect NAME or are -list-defects; the rest goes to the proxy. The
// result is the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	var names []string
	for _, d := range All {
		names = append(names, d.Name)
	}
	program := defect.Program{Name: "legacy-proxy", Defects: names}
	return program.Main(args, stdout, stderr, func(i int, rest []string) int {
		return proxy.Main(rest, stdout, stderr, All[i].Apply)
	})
}
