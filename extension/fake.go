package extension

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/comeback-chaos/xk6-comeback/fakes/aiworker"
	"github.com/comeback-chaos/xk6-comeback/fakes/hooks"
	"github.com/comeback-chaos/xk6-comeback/fakes/known"
	"github.com/comeback-chaos/xk6-comeback/fakes/upstream"
)

// fakeCommand is what a lab runs for the fakes that are processes of their own.
func fakeCommand() *cobra.Command {
	var socket, name, addr string
	var consumer known.Options
	cmd := &cobra.Command{
		Use:    "fake <aiworker|hook|known|upstream> [-- arguments]",
		Short:  "Run a fake; a lab does this, people need not",
		Hidden: true,
		Args:   cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			if args[0] == "known" {
				consumer.URL = os.Getenv("AMQP_URL") // not an argument: it holds a password
				if err := known.Run(ctx, consumer); err != nil {
					return exitWith(1, err)
				}
				return nil
			}
			if socket == "" {
				return exitWith(exitNotRun, errors.New("fake: --socket is missing: the lab that it belongs to"))
			}
			switch args[0] {
			case "hook":
				return exitWith(hooks.Run(cmd.Context(), socket, name, args[1:], os.Stderr), nil)
			case "aiworker":
				if err := aiworker.Run(ctx, aiworker.Options{Socket: socket, Addr: addr}); err != nil {
					return exitWith(1, err)
				}
				return nil
			case "upstream":
				if err := upstream.Run(ctx, upstream.Options{Socket: socket, Name: name, Addr: addr}); err != nil {
					return exitWith(1, err)
				}
				return nil
			}
			return exitWith(exitNotRun, fmt.Errorf("no fake %q; there are aiworker, hook, known, upstream", args[0]))
		},
	}
	cmd.Flags().StringVar(&socket, "socket", "", "control socket of the lab")
	cmd.Flags().StringVar(&name, "name", "", "hook: restart or terminate; upstream: its name")
	cmd.Flags().StringVar(&addr, "addr", "", "aiworker and upstream: host:port to listen on")
	cmd.Flags().StringVar(&consumer.Queue, "queue", "", "known: queue to consume")
	cmd.Flags().StringVar(&consumer.API, "api", "", "known: URL of the API server")
	cmd.Flags().StringVar(&consumer.Listen, "listen", "", "known: host:port of the ready probe")
	cmd.Flags().DurationVar(&consumer.Pause, "pause", 0, "known: how long it stays away when it has lost its connection")
	return cmd
}
