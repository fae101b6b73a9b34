package broker

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEval(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	tests := []struct{ expr, want string }{
		{"1+1", "2"},
		{"X = 20, X + 1", "21"},
		{`"two\nlines"`, `"two\nlines"`},
		{`"ü"`, `"ü"`},
		{"lists:seq(1, 300)", "[" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(seq(300))), ","), "[]") + "]"},
		{"ok", "ok"},
		{"begin io:format(\"noise~n\"), done end", "done"},
		{`[{a,"b"},#{c => 1.5}]`, `[{a,"b"},#{c => 1.5}]`},
	}
	for _, tt := range tests {
		got, err := l.Eval(limit(t), tt.expr)
		require.NoError(t, err, tt.expr)
		require.Equal(t, tt.want, got, tt.expr)
	}
}

func TestEvalFails(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	tests := []struct{ expr, want string }{
		{"1 +", "syntax error"},
		{"erlang:error(broken)", "broken"},
		{"throw(ball)", "{throw,ball}"},
		{"exit(out)", "{exit,out}"},
		{"no:such()", "undef"},
		{`"open`, "{string,34,"},
		{"", "syntax error"},
		{"1. 2", "syntax error"},
		{"lists:seq(1,100000)", "longer than 48 KB"},
	}
	for _, tt := range tests {
		_, err := l.Eval(limit(t), tt.expr)
		require.ErrorContains(t, err, tt.want, tt.expr)
	}
	got, err := l.Eval(limit(t), "alive")
	require.NoError(t, err)
	require.Equal(t, "alive", got)
}

func TestEvalFromManySides(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	var askers sync.WaitGroup
	for i := range 20 {
		askers.Go(func() {
			for j := range 10 {
				got, err := l.Eval(limit(t), fmt.Sprintf("%d * 1000 + %d", i, j))
				if err != nil || got != fmt.Sprint(i*1000+j) {
					t.Errorf("%d*1000+%d gave %q, %v", i, j, got, err)
				}
			}
		})
	}
	askers.Wait()
}

func TestAnyTextReachesErlangAsItIs(t *testing.T) {
	t.Parallel()
	l := shared.get(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.String().Draw(rt, "text")
		got, err := l.Eval(limit(t), "binary_to_list("+binary(s)+")")
		require.NoError(t, err)
		want, err := l.Eval(limit(t), listOf([]byte(s)))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func listOf(b []byte) string {
	return "[" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(b)), ","), "[]") + "]"
}

func seq(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

func BenchmarkEval(b *testing.B) {
	l := shared.get(b)
	for b.Loop() {
		if _, err := l.Eval(b.Context(), "1+1"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestNodeLinesAreCleaned(t *testing.T) {
	t.Parallel()
	const tag = tagStart + "TAG "
	tests := []struct {
		line, want, answer string
		keep               bool
	}{
		{line: "plain", want: "plain", keep: true},
		{line: "(comeback-1@localhost)12> (comeback-1@localhost)13> text", want: "text", keep: true},
		{line: "\x1b]2;title\x07\x1b[1m\x1b[38;2;255;102;0mRabbitMQ\x1b[0m 3", want: "RabbitMQ 3", keep: true},
		{line: "(comeback-1@localhost)12> "},
		{line: "(comeback-1@localhost)12> ok"},
		{line: ""},
		{line: "(comeback-1@localhost)12> " + tag + "ok Mg== .", answer: "ok Mg== ."},
		{line: tagStart + "OLD ok MQ== ."},
		{line: "x " + tag + "ok MQ== .", want: "x " + tag + "ok MQ== .", keep: true},
	}
	for _, tt := range tests {
		s := newShell()
		answer := make(chan string, 1)
		s.expect(tag, answer)
		got, keep := s.edit(tt.line)
		require.Equal(t, tt.want, got)
		require.Equal(t, tt.keep, keep, tt.line)
		s.expect("", nil)
		close(answer)
		require.Equal(t, tt.answer, <-answer)
	}
}
