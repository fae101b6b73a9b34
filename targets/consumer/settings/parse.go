package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// Error says which setting is wrong. The command line ends with exit code 2 on it.
type Error struct {
	Setting string // as in the environment, "" when the arguments as such are wrong
	Err     error
}

func (e *Error) Error() string {
	if e.Setting == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("setting %s (flag -%s): %v", e.Setting, flagName(e.Setting), e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Parse reads the settings from the environment (lookup is os.LookupEnv) and then from args, which
// win. An empty variable counts as not set. A wrong or missing value is an *Error; -help prints the
// list to usage and gives flag.ErrHelp.
func Parse(args []string, lookup func(string) (string, bool), usage io.Writer) (Settings, error) {
	var s Settings
	fields := s.fields()
	flags := flag.NewFlagSet("consumer", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var wrong error
	for _, f := range fields {
		if text, ok := lookup(f.name); ok && text != "" {
			if err := f.value.Set(text); err != nil {
				return s, &Error{f.name, err}
			}
		}
		flags.Func(flagName(f.name), f.help, func(text string) error {
			err := f.value.Set(text)
			if err != nil && wrong == nil {
				wrong = &Error{f.name, err}
			}
			return err
		})
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			printUsage(usage, new(Settings).fields()) // fresh: shows defaults, never a password
			return s, err
		}
		if wrong != nil {
			return s, wrong
		}
		return s, &Error{Err: err}
	}
	if flags.NArg() > 0 {
		return s, &Error{Err: fmt.Errorf("unexpected argument %q: settings are flags or environment variables", flags.Arg(0))}
	}
	return s, s.complete(fields)
}

// complete fills in what follows from other settings and checks what concerns several of them.
func (s *Settings) complete(fields []field) error {
	for _, f := range fields {
		if v, ok := f.value.(interface{ missing() bool }); ok && v.missing() {
			return &Error{f.name, errors.New("is needed and not set")}
		}
	}
	if s.Queue == "" {
		return &Error{"AMQP_QUEUE", errors.New("must not be empty")}
	}
	if s.DeadQueue == "" {
		s.DeadQueue = s.Queue + ".dead"
	}
	if s.RetryQueue == "" {
		s.RetryQueue = s.Queue + ".retry"
	}
	if s.DeadQueue == s.Queue || s.RetryQueue == s.Queue || s.DeadQueue == s.RetryQueue {
		return &Error{"AMQP_DEAD_QUEUE", fmt.Errorf("queue %s, dead queue %s and retry queue %s must differ", s.Queue, s.DeadQueue, s.RetryQueue)}
	}
	if s.QueueType == "quorum" && s.MaxPriority > 0 {
		return &Error{"AMQP_MAX_PRIORITY", errors.New("a quorum queue has no priorities")}
	}
	if s.QueueType != "quorum" && s.DeliveryLimit > 0 {
		return &Error{"AMQP_DELIVERY_LIMIT", errors.New("only a quorum queue has one: set AMQP_QUEUE_TYPE=quorum")}
	}
	if s.DeliveryLimit > 0 && !s.DeadLetter {
		return &Error{"AMQP_DELIVERY_LIMIT", fmt.Errorf("%d would have the broker drop the jobs that it gives up: set AMQP_DEAD_LETTER=true, or no limit", s.DeliveryLimit)}
	}
	if err := s.crashes(); err != nil {
		return err
	}
	if s.ReconnectMax < s.ReconnectMin {
		return &Error{"RECONNECT_MAX", fmt.Errorf("%v is less than RECONNECT_MIN %v", s.ReconnectMax, s.ReconnectMin)}
	}
	if s.RestartOKCode == s.RestartFailedCode {
		return &Error{"RESTART_OK_CODE", fmt.Errorf("%d is also RESTART_FAILED_CODE", s.RestartOKCode)}
	}
	return nil
}

// crashes checks that a job which takes the AI process down each time is given up before the restarts are: its
// first crash may be another job's, so that there is one more of them than the limit says.
func (s *Settings) crashes() error {
	name, most := "MAX_CRASHES", s.MaxCrashes
	if s.DeliveryLimit > 0 && s.DeliveryLimit < most {
		name, most = "AMQP_DELIVERY_LIMIT", s.DeliveryLimit
	}
	if most >= s.RestartAttempts {
		return &Error{name, fmt.Errorf("%d is not fewer than RESTART_ATTEMPTS %d: one bad job would have the instance terminated; lower the one, or raise the other", most, s.RestartAttempts)}
	}
	return nil
}

// Redact replaces the password in a URL, for logs and errors.
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable URL)"
	}
	return u.Redacted()
}

func printUsage(w io.Writer, fields []field) {
	fmt.Fprintln(w, "Settings, as environment variables or as flags of the same name (AMQP_URL, -amqp-url):")
	for _, f := range fields {
		def := fmt.Sprint(f.value)
		if def == "" || def == "[]" {
			def = "none"
		}
		fmt.Fprintf(w, "  %-34s %s (default %s)\n", f.name, f.help, def)
	}
}

func flagName(setting string) string {
	return strings.ToLower(strings.ReplaceAll(setting, "_", "-"))
}
