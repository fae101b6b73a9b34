package extension

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// Whose an answer is the script says; who asked is in the request.
func TestClientTellsWhoseAnAnswerIs(t *testing.T) {
	t.Parallel()
	slot(t)
	const top = begins + `
let said;
const site = run.client(http, undefined, () => said);
const asks = [
  ['ann', { headers: { Authorization: 'Bearer ann' } }], ['bob', { headers: { Authorization: 'Bearer ann' } }],
  ['ann', { headers: { cookie: 'a=b; user=ann' } }], ['', { headers: { Authorization: 'Bearer ann' } }],
  [null, { headers: { Authorization: 'Bearer ann' } }], ['bob', {}],
];
`
	const load = `const n = exec.scenario.iterationInTest % asks.length; said = asks[n][0]; site.get('/' + n, asks[n][1]);`
	r := run(t, siteScript(t, top, load))
	require.Zero(t, r.code, "%s", r.output)
	asked, line, got := map[history.MsgID]string{}, map[history.MsgID]string{}, map[string]history.Flags{}
	h, err := history.Open(filepath.Join(r.out, harness.HistoryFile))
	require.NoError(t, err)
	defer h.Close()
	for e, err := range h.All() {
		require.NoError(t, err)
		switch e.Kind {
		case history.Offer:
			asked[e.Msg], line[e.Msg] = e.Who, e.Text
		case history.Answer:
			got[line[e.Msg]+" "+asked[e.Msg]] = e.Flags &^ history.Good
		}
	}
	require.Equal(t, map[string]history.Flags{
		"GET /0 ann": history.Own, "GET /1 ann": history.Leaked, "GET /2 ann": history.Own,
		"GET /3 ann": 0, "GET /4 ann": 0, "GET /5 ": history.Leaked,
	}, got)
}

func TestWhoseThatThrowsIsNotGreen(t *testing.T) {
	t.Parallel()
	slot(t)
	r := run(t, siteScript(t, begins+"const site = run.client(http, undefined, (a) => a.nothing.at.all);", "site.get('/', { headers: { Authorization: 'Bearer ann' } });"))
	require.Equal(t, check.Unknown.Code(), r.code, "%s", r.output)
	require.Contains(t, r.output, "whose an answer is: TypeError")
}
