package extension

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/comeback-chaos/xk6-comeback/harness"
	"github.com/comeback-chaos/xk6-comeback/harness/check"
	"github.com/comeback-chaos/xk6-comeback/harness/sweep"
	"github.com/comeback-chaos/xk6-comeback/harness/target"
	"github.com/comeback-chaos/xk6-comeback/reports"
)

// workersOptions are those of `k6 x comeback workers`.
type workersOptions struct {
	plan     sweep.Plan
	deployed int
	ready    string
	env      []string
	seed     string
	out      string
}

func workersCommand() *cobra.Command {
	var o workersOptions
	cmd := &cobra.Command{
		Use:   "workers [flags] -- <command of the server, with {listen} and {workers}>",
		Short: "How many workers are right? Measure a server with several numbers of them and recommend one",
		Long: "Start the server with each number of workers in turn, several times, load it, fit the Universal Scalability Law to its\n" +
			"throughput, and recommend a number with its uncertainty; or say why none can be recommended. Nothing else should run meanwhile.\n" +
			"Exit codes: 0 recommended (and --deployed is good enough), 1 --deployed is not, 2 none, or it cannot be told whether --deployed is, 3 could not run.",
		Example: "  k6 x comeback workers --path /items --env DATABASE_URL -- gunicorn app:app -b {listen} -w {workers}\n" +
			"  k6 x comeback workers --deployed 4 -- gunicorn app.asgi:application -b {listen} -w {workers} -k uvicorn.workers.UvicornWorker",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			j, err := o.run(ctx, args)
			if j == nil {
				return exitWith(exitNotRun, err)
			}
			if err := errors.Join(writeVerdict(o.out, j), reports.Text(cmd.OutOrStdout(), j)); err != nil {
				return exitWith(exitNotRun, err)
			}
			if err != nil { // the sweep was not finished, whatever its checks say
				return exitWith(exitNotRun, err)
			}
			return exitWith(j.Verdict.Code(), nil)
		},
	}
	f := cmd.Flags()
	f.IntSliceVar(&o.plan.Counts, "workers", []int{1, 2, 3, 4, 6, 8}, "numbers of workers: 5 or more, on both sides of the right one")
	f.IntVar(&o.plan.Rounds, "rounds", 4, "measurements with each, in an order drawn from the seed")
	f.StringVar(&o.plan.Path, "path", "/", "what is asked for (GET); with what a request usually costs")
	f.IntVar(&o.plan.Clients, "clients", 0, "clients, each asking again once it has its answer (default: four for each worker of the largest number)")
	f.DurationVar(&o.plan.Warm, "warm", 0, "time under load before each measurement (default 1s)")
	f.DurationVar(&o.plan.Window, "window", 0, "length of a measurement (default 3s)")
	f.Float64Var(&o.plan.Share, "share", 0.9, "share of the highest throughput that is good enough")
	f.IntVar(&o.deployed, "deployed", 0, "number that is judged: the one that you deploy with")
	f.StringVar(&o.ready, "ready", "", "path that answers 200 once the server is ready (default: --path)")
	f.StringArrayVar(&o.env, "env", nil, "NAME=value for the server, or NAME with the value that it has here; it has nothing else but PATH, HOME and LANG")
	f.StringVar(&o.seed, "seed", "", "repeats the order of an earlier sweep")
	f.StringVar(&o.out, "out", filepath.Join("reports", "out", "workers"), "folder for the history, the server's log and verdict.json")
	return cmd
}

// run makes the sweep and judges it. A judgement beside an error is of a sweep that was not finished.
func (o workersOptions) run(ctx context.Context, command []string) (*check.Judgement, error) {
	config, err := o.config(command)
	if err != nil {
		return nil, err
	}
	lab, err := harness.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	swept := lab.Sweep(ctx)
	if swept != nil {
		lab.ScriptError("workers", swept) // what was measured proves nothing then
	}
	j, err := lab.Finish(context.WithoutCancel(ctx))
	return j, errors.Join(swept, err, lab.Close())
}

// config is that of a run on a target which no file describes.
func (o workersOptions) config(command []string) (harness.Config, error) {
	seed, err := parseSeed(o.seed)
	if err != nil {
		return harness.Config{}, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return harness.Config{}, fmt.Errorf("find the folder to start the server in: %w", err)
	}
	env, err := passed(o.env, os.LookupEnv)
	if err != nil {
		return harness.Config{}, err
	}
	ready := o.ready
	if ready == "" {
		ready = o.plan.Path
	}
	file, err := target.One("server", cwd, target.Target{
		Command: command, Env: env, Folder: cwd, Workers: o.deployed,
		HTTP: "http://{listen}", Ready: target.Ready{HTTP: "http://{listen}" + ready},
	})
	if err != nil {
		return harness.Config{}, err
	}
	return harness.Config{
		Spec: harness.Spec{Name: "workers", Target: "server", Sweep: &o.plan},
		Seed: seed, Out: o.out, File: file, Repeat: repeatSweep(os.Args, seed), Log: slog.New(slog.DiscardHandler),
	}, nil
}

// passed makes the server's environment of NAME=value and NAME.
func passed(list []string, lookup func(string) (string, bool)) (map[string]string, error) {
	env := map[string]string{}
	for _, word := range list {
		name, value, given := strings.Cut(word, "=")
		if !given {
			var ok bool
			if value, ok = lookup(name); !ok {
				return nil, fmt.Errorf("--env %s: it is not set here: give its value, as %s=…", name, name)
			}
		}
		env[name] = value
	}
	return env, nil
}

// repeatSweep is the command line with its seed fixed, and without the values of variables, which may be secret.
func repeatSweep(args []string, seed uint64) string {
	var words []string
	for i := 0; i < len(args); i++ {
		switch name, value, is := strings.Cut(args[i], "="); {
		case args[i] == "--":
			words = append(words, "--seed", fmt.Sprint(seed))
			for _, word := range args[i:] {
				words = append(words, quote(word))
			}
			return strings.Join(words, " ")
		case args[i] == "--seed":
			i++
		case name == "--seed" && is:
		case name == "--env" && is:
			value, _, _ = strings.Cut(value, "=")
			words = append(words, quote("--env="+value))
		case args[i] == "--env" && i+1 < len(args):
			i++
			value, _, _ = strings.Cut(args[i], "=")
			words = append(words, "--env", quote(value))
		default:
			words = append(words, quote(args[i]))
		}
	}
	return strings.Join(words, " ")
}
