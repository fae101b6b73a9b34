package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/comeback-chaos/xk6-comeback/targets/proxy/backend"
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
	flags := flag.NewFlagSet("proxy", flag.ContinueOnError)
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
			printUsage(usage, new(Settings).fields())
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

// complete checks what concerns several settings.
func (s *Settings) complete(fields []field) error {
	for _, f := range fields {
		if v, ok := f.value.(interface{ missing() bool }); ok && v.missing() {
			return &Error{f.name, errors.New("is needed and not set")}
		}
	}
	if s.EjectTimeMax < s.EjectTime {
		return &Error{"EJECT_TIME_MAX", fmt.Errorf("%v is less than EJECT_TIME %v", s.EjectTimeMax, s.EjectTime)}
	}
	if s.TotalTimeout > 0 && s.TotalTimeout < s.FirstByte {
		return &Error{"TOTAL_TIMEOUT", fmt.Errorf("%v is less than FIRST_BYTE_TIMEOUT %v, which could then never be reached", s.TotalTimeout, s.FirstByte)}
	}
	if s.BufferLow >= s.BufferHigh {
		return &Error{"READER_LOW", fmt.Errorf("%d is not less than READER_HIGH %d", s.BufferLow, s.BufferHigh)}
	}
	if s.ListenAddr == s.AdminAddr && !strings.HasSuffix(s.ListenAddr, ":0") {
		return &Error{"ADMIN_ADDR", fmt.Errorf("%s is also LISTEN_ADDR", s.AdminAddr)}
	}
	for other, addr := range map[string]string{"LISTEN_ADDR": s.ListenAddr, "ADMIN_ADDR": s.AdminAddr} {
		if s.OpsAddr == addr && !strings.HasSuffix(addr, ":0") {
			return &Error{"OPS_ADDR", fmt.Errorf("%s is also %s", addr, other)}
		}
	}
	if s.RetryCodes != "none" {
		if _, err := backend.ParseCodes(s.RetryCodes); err != nil {
			return &Error{"RETRY_CODES", err}
		}
	}
	if s.Via == "" || strings.ContainsAny(s.Via, " ,\t\r\n()") {
		return &Error{"VIA", fmt.Errorf("%q is not one word", s.Via)}
	}
	return nil
}

func printUsage(w io.Writer, fields []field) {
	fmt.Fprintln(w, "Settings, as environment variables or as flags of the same name (BACKENDS_FILE, -backends-file):")
	for _, f := range fields {
		def := fmt.Sprint(f.value)
		if def == "" {
			def = "none"
		}
		fmt.Fprintf(w, "  %-22s %s (default %s)\n", f.name, f.help, def)
	}
}

func flagName(setting string) string {
	return strings.ToLower(strings.ReplaceAll(setting, "_", "-"))
}
