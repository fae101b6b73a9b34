package extension

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// siteScript writes a script of a control run of the proxy, with what its load does. It is slow, as k6 drops what it
// has not begun when the time is over, and of so few none may be missing: half a second before the end the last one is due.
func siteScript(t *testing.T, top, load string) string {
	t.Helper()
	text := fmt.Sprintf(`import http from 'k6/http';
import exec from 'k6/execution';
import { incident } from 'k6/x/comeback';
const run = incident({
  id: 'control', target: 'proxy', backends: [{ pages: [{ vary: 'X-Colour' }] }],
  load: { rate: 2, duration: '6s' }, expect: { noFault: true },
});
export const options = run.options;
export async function story() { await run.loadEnd(); }
%s
export function load() { %s }
`, top, load)
	path := filepath.Join(t.TempDir(), "site.js")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// each is a load that does one thing after the other, of which every one throws when it finds that
// something is not as it should be.
const each = `
function want(is, what) { if (!is) { throw new Error('not so: ' + what); } }
function refused(f, why) {
  try { f(); } catch (e) { want(String(e).includes(why), e); return; }
  throw new Error('not refused');
}
const body = '{"item":7}';
const sent = (answer, method) => {
  want(answer.status === 200 && answer.request.method === method, method);
  want(/^m[0-9]+$/.test(answer.headers['X-Request-Id']), 'the id that was sent came back');
};
const withBody = (send, method) => {
  const answer = send('/orders/7', body, { headers: { 'Content-Type': 'application/json', 'x-request-id': 'its own' } });
  sent(answer, method);
  want(answer.request.body === body, 'body of ' + method);
  want(String(answer.request.headers['Content-Type']) === 'application/json', 'headers of ' + method);
};
const things = [
  () => {
    const params = { headers: { 'X-Colour': 'red' }, tags: { kind: 'cat' } };
    const answer = site.get('/items/7?full=1', params);
    sent(answer, 'GET');
    want(answer.json('vary')['X-Colour'] === 'red' && answer.json('path') === '/items/7?full=1', answer.body);
    want(Object.keys(params.headers).length === 1, 'the script\'s own params stay as they were');
  },
  () => sent(site.head('/items/7'), 'HEAD'),
  () => withBody(site.post, 'POST'),
  () => withBody(site.put, 'PUT'),
  () => withBody(site.patch, 'PATCH'),
  () => withBody(site.del, 'DELETE'),
  () => withBody(site.options, 'OPTIONS'),
  () => sent(site.request('GET', '/items/8'), 'GET'),
  () => want(site.get('/items/9', { responseType: 'none' }).body === null, 'params of k6 itself'),
  () => {
    refused(() => site.get('items/7'), 'want a path that begins with /');
    refused(() => site.get('http://127.0.0.1/'), 'want a path that begins with /');
    refused(() => run.submit({}), 'answers requests and consumes no queue: use client()');
    sent(site.get('/'), 'GET');
  },
];`

func TestClient(t *testing.T) {
	t.Parallel()
	slot(t)
	r := run(t, siteScript(t, begins+"const site = run.client(http);"+each, "things[exec.scenario.iterationInTest % things.length]();"))
	require.Zero(t, r.code, "%s", r.output)
	offered, taken, answered := map[string]history.MsgID{}, map[history.MsgID]string{}, map[history.MsgID]history.Event{}
	reader, err := history.Open(filepath.Join(r.out, harness.HistoryFile))
	require.NoError(t, err)
	defer reader.Close()
	for e, err := range reader.All() {
		require.NoError(t, err)
		switch e.Kind {
		case history.Offer:
			offered[e.Text] = e.Msg // the last of them
		case history.Take:
			taken[e.Msg] = e.Text
		case history.Answer:
			answered[e.Msg] = *e
		}
	}
	for line, took := range map[string]string{
		"GET /items/7?full=1": "GET /items/7", "HEAD /items/7": "HEAD /items/7", "POST /orders/7": "POST /orders/7", "PUT /orders/7": "PUT /orders/7",
		"PATCH /orders/7": "PATCH /orders/7", "DELETE /orders/7": "DELETE /orders/7", "OPTIONS /orders/7": "OPTIONS /orders/7", "GET /": "GET /",
	} {
		id := offered[line]
		require.NotZero(t, id, line)
		require.Equal(t, took, taken[id], line)
		a := answered[id]
		require.Equal(t, history.Event{At: a.At, Kind: history.Answer, Msg: id, Code: 200, N: a.N, Who: "1", Text: "backend/0", Flags: history.Good}, a, line)
		require.Positive(t, a.N)
	}
	require.Len(t, answered, len(taken), "what was refused was never offered")
}

// What is good is for the script to say, and a script that cannot say it is not green.
func TestClientOfWhatIsGood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		good, load, want string
		code             int
		verdict          check.Verdict
	}{
		"nothing":        {"(answer) => answer.json('version') === '2'", "site.get('/');", "requests were answered badly (budget 0)", check.Fail.Code(), check.Fail},
		"it throws":      {"(answer) => answer.nothing.at.all", "site.get('/');", "whether an answer is good: TypeError", check.Unknown.Code(), check.Unknown},
		"nobody listens": {"undefined", "site.get('/', { timeout: 1 });", "requests had no answer (budget 0)", check.Fail.Code(), check.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slot(t)
			r := run(t, siteScript(t, begins+"const site = run.client(http, "+c.good+");", c.load))
			require.Equal(t, c.code, r.code, "%s", r.output)
			require.Contains(t, r.output, c.want)
			j, err := harness.Judge(r.out)
			require.NoError(t, err)
			require.Equal(t, c.verdict, j.Verdict)
		})
	}
}

func TestClientBeforeTheRun(t *testing.T) {
	t.Parallel()
	r := run(t, siteScript(t, "const site = run.client(http);", "site.get('/');"))
	require.Equal(t, check.Unknown.Code(), r.code, "%s", r.output)
	require.Contains(t, r.output, "call run.start() in setup()")
}
