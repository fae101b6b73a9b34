package broker

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
)

// evalLimit bounds an Eval when ctx does not.
const evalLimit = 20 * time.Second

// shell speaks with the Erlang shell on a node's stdin. Answers are told from all else that the node
// prints by a tag that is drawn for each question.
type shell struct {
	in   io.Writer
	done <-chan struct{} // the process has ended
	turn chan struct{}   // holds one token: one question at a time

	broken bool // half a question was written; belongs to who holds the token

	mu     sync.Mutex
	tag    string // of the question that is open; "" for none
	answer chan string
}

func newShell() *shell {
	return &shell{turn: make(chan struct{}, 1)}
}

// connect is called once, before the first eval.
func (s *shell) connect(in io.Writer, done <-chan struct{}) { s.in, s.done = in, done }

// decoration is the prompt that the shell prints before each question that it reads, and what
// RabbitMQ sends to colour and title a terminal.
var decoration = regexp.MustCompile(`\([^ ()]+@[^ ()]+\)[0-9]+> ?|\x1b\[[0-9;]*m|\x1b\][^\x07]*\x07`)

// edit looks at each line that the node prints, takes answers out and cleans the rest.
func (s *shell) edit(line string) (string, bool) {
	bare := decoration.ReplaceAllString(line, "")
	if strings.TrimSpace(bare) == "" || bare == "ok" {
		return "", false
	}
	if !strings.HasPrefix(bare, tagStart) {
		return bare, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tag != "" && strings.HasPrefix(bare, s.tag) { // otherwise the answer to a question given up
		s.answer <- bare[len(s.tag):] // has room for one, and a tag is answered once
		s.tag = ""
	}
	return "", false
}

const tagStart = "comeback-eval-"

// eval has the expressions computed and gives the value of the last as Erlang prints it, 48 KB at most.
func (s *shell) eval(ctx context.Context, expr string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, evalLimit)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", fmt.Errorf("broker: eval: the shell is busy: %w", ctx.Err())
	}
	tag := tagStart + rand.Text() + " "
	answer := make(chan string, 1)
	s.expect(tag, answer)
	defer s.expect("", nil)
	if err := s.ask(ctx, question(tag, expr)); err != nil {
		return "", err
	}
	select {
	case a := <-answer:
		return result(a)
	case <-s.done:
		return "", errors.New("broker: eval: the node has ended")
	case <-ctx.Done():
		return "", fmt.Errorf("broker: eval: the node does not answer: %w", ctx.Err())
	}
}

func (s *shell) expect(tag string, answer chan string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tag, s.answer = tag, answer
}

// ask writes without ever hanging: a paused node does not read.
func (s *shell) ask(ctx context.Context, text string) error {
	if s.broken {
		return errors.New("broker: eval: an earlier question was cut off: restart the node")
	}
	if d, ok := s.in.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = d.SetWriteDeadline(time.Time{})
		stop := context.AfterFunc(ctx, func() { _ = d.SetWriteDeadline(time.Unix(1, 0)) })
		defer stop()
	}
	n, err := io.WriteString(s.in, text)
	s.broken = n > 0 && n < len(text)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("broker: eval: ask the node: %w", err)
	}
	return nil
}

// question wraps expr so that a syntax error or an exception is an answer too. expr goes in as a list
// of numbers, so that nothing in it can end the wrapping, and the value comes out in base64, whatever
// character set the node prints in. The full stop shows that nothing was cut off.
func question(tag, expr string) string {
	return fmt.Sprintf("(fun() -> {K,V} = try {ok,T,_} = erl_scan:string(%s), {ok,E} = erl_parse:parse_exprs(T), "+
		"{value,R,_} = erl_eval:exprs(E,[]), {ok,R} catch C:X -> {failed,{C,X}} end, "+
		"io:format(\"~n%s~s ~s .~n\",[K,base64:encode(unicode:characters_to_binary(io_lib:format(\"~0tp\",[V])))]) end)().\n",
		codepoints(expr+"."), tag)
}

func result(answer string) (string, error) {
	kind, coded, _ := strings.Cut(answer, " ")
	coded, whole := strings.CutSuffix(coded, " .")
	if !whole {
		return "", errors.New("broker: eval: the answer is longer than 48 KB")
	}
	value, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return "", fmt.Errorf("broker: eval: the answer is garbled: %w", err)
	}
	if kind != "ok" {
		return "", fmt.Errorf("broker: eval failed: %s", value)
	}
	return string(value), nil
}

// codepoints writes s as an Erlang list of its characters.
func codepoints(s string) string {
	var b strings.Builder
	for i, r := range []rune(s) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", r)
	}
	return "[" + b.String() + "]"
}

// binary writes s as an Erlang binary.
func binary(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", s[i])
	}
	return "<<" + b.String() + ">>"
}
