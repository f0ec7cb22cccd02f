package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/sensorflow/sensorflow/runtime/client"
)

// The exit statuses.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusSignIn      = 3
	statusRejected    = 4
	statusUnavailable = 5
	statusInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	status := statusOf(ctx, err)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sensorflow: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	os.Exit(status)
}

// usageError is a mistake of the caller, seen before anything was called.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// rejectedError says that some of what was sent was not stored.
type rejectedError struct{ error }

// statusOf is the table from errors to exit statuses.
func statusOf(ctx context.Context, err error) int {
	var usage usageError
	var rejected rejectedError
	var refused *client.Error
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return statusDone
	case ctx.Err() != nil:
		return statusInterrupted
	case errors.As(err, &usage):
		return statusUsage
	case errors.As(err, &rejected):
		return statusRejected
	case errors.Is(err, client.ErrSignIn), errors.Is(err, errNoCredentials):
		return statusSignIn
	case errors.As(err, &refused) && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden):
		return statusSignIn
	case client.Temporary(err):
		return statusUnavailable
	default:
		return statusFailed
	}
}

// command is one of those that there are.
type command struct {
	name, arguments, what string
	// flags adds those of the command itself.
	flags func(*settings, *flag.FlagSet)
	do    func(context.Context, *session) error
}

func commands() []command {
	return []command{
		{"login", "", "sign in, and keep the token for later calls", loginFlags, login},
		{"logout", "", "forget the token, and have a person's refused from now on", nil, logout},
		{"whoami", "", "tell who the token speaks for", nil, whoami},
		{"send", "EQUIPMENT VALUE [TIME] | -", "send one reading, or those of standard input as NDJSON or CSV", nil, send},
		{"upload", "FILE", "send a CSV file and wait until it is processed", uploadFlags, upload},
		{"watch", "EQUIPMENT…", "print new readings as they come", watchFlags, watch},
		{"query", "[EQUIPMENT…]", "print aggregates, or the readings of one equipment with -raw", queryFlags, query},
		{"equipment", "[PREFIX]", "list the equipments with their last readings", nil, equipment},
		{"export", "[EQUIPMENT…]", "write all readings of one equipment as CSV, or with -interval or -aggregates the aggregates", exportFlags, export},
		{"delete", "EQUIPMENT", "delete the readings from -from to -to, or the one at -at", deleteFlags, remove},
	}
}

// session is one run of a command.
type session struct {
	settings
	args []string
	in   io.Reader
	out  *output
	// progress is for people: what is going on, on standard error.
	progress *progress
}

func run(ctx context.Context, args, environ []string, in io.Reader, out, progressTo io.Writer) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" || args[0] == "-help" {
		help(out)
		return nil
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		s := &session{settings: settings{environ: environ}, in: in, progress: newProgress(progressTo)}
		flags := flag.NewFlagSet("sensorflow "+c.name, flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		s.addFlags(flags)
		if c.flags != nil {
			c.flags(&s.settings, flags)
		}
		var err error
		if s.args, err = parse(flags, args[1:]); errors.Is(err, flag.ErrHelp) {
			describe(out, c, flags)
			return err
		} else if err != nil {
			return usageError{fmt.Errorf("%s: %w; sensorflow %[1]s -h lists the flags", c.name, err)}
		}
		if s.out, err = newOutput(out, s.format); err != nil {
			return err
		}
		return errors.Join(c.do(ctx, s), s.out.end())
	}
	return usagef("there is no command %q; sensorflow help lists those that there are", args[0])
}

// parse reads flags that may stand before, between and after the arguments. A number below 0 is an argument.
func parse(flags *flag.FlagSet, args []string) (arguments []string, err error) {
	for len(args) > 0 {
		first := args[0]
		switch {
		case first == "--":
			return append(arguments, args[1:]...), nil
		case !strings.HasPrefix(first, "-") || first == "-" || strings.ContainsAny(first[1:2], "0123456789."):
			arguments, args = append(arguments, first), args[1:]
			continue
		}
		own := 1
		name, _, hasValue := strings.Cut(strings.TrimLeft(first, "-"), "=")
		if known := flags.Lookup(name); known != nil && !hasValue {
			if isSwitch, ok := known.Value.(interface{ IsBoolFlag() bool }); !ok || !isSwitch.IsBoolFlag() {
				own = min(2, len(args))
			}
		}
		if err := flags.Parse(args[:own]); err != nil {
			return nil, err
		}
		args = args[own:]
	}
	return arguments, nil
}

// printf prints for a person, who misses nothing when standard output is gone.
func printf(to io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(to, format, args...) }

// help lists the commands.
func help(out io.Writer) {
	printf(out, "sensorflow sends readings to the service and asks it for them.\n\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		printf(table, "  sensorflow %s %s\t%s\n", c.name, c.arguments, c.what)
	}
	_ = table.Flush() // nobody reads it when standard output is gone
	printf(out, `
Whom it calls, the first that is given:
  -local                     the system of make run, by the nearest .local/stack.json
  -api, -token-url           or SENSORFLOW_API and SENSORFLOW_TOKEN_URL; several regions divided by commas
  sensorflow login           what was called there
  .local/stack.json          where the working folder, or one above it, has it

As whom: SENSORFLOW_CLIENT_ID and SENSORFLOW_CLIENT_SECRET of a machine, or SENSORFLOW_USER and SENSORFLOW_PASSWORD of a person, or
whoever signed in by sensorflow login. Tokens are kept in the user's configuration folder, in files that nobody else can read.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 not signed in or not allowed, 4 something was rejected, 5 the service cannot be reached
or is busy, 130 interrupted.
`)
}

// describe lists the flags of a command.
func describe(out io.Writer, c command, flags *flag.FlagSet) {
	printf(out, "sensorflow %s %s: %s\n\n", c.name, c.arguments, c.what)
	flags.SetOutput(out)
	flags.PrintDefaults()
}
