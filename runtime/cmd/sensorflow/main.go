package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	status := statusOf(ctx, err)
	stop()
	if status == statusInterrupted && err.Error() == context.Canceled.Error() {
		err = errors.New("interrupted") // where it says no more, it would not say who did it
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sensorflow: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	os.Exit(status)
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

// work is what a command does once nothing is wrong with how it is used.
type work func(context.Context) error

func run(ctx context.Context, args, environ []string, in io.Reader, out, progressTo io.Writer) error {
	if len(args) == 0 || isHelp(args[0]) {
		return help(out, args)
	}
	c, err := find(args[0])
	if err != nil {
		return err
	}
	s := &session{settings: settings{environ: environ, format: formatTable}, in: in, progress: newProgress(progressTo)}
	flags := c.flagSet(&s.settings)
	if s.args, err = parse(flags, args[1:]); errors.Is(err, flag.ErrHelp) {
		describe(out, c)
		return err
	} else if err != nil {
		return usageError{fmt.Errorf("%s: %w; sensorflow help %[1]s lists the flags", c.name, err)}
	}
	if err := s.checkFlags(flags); err != nil {
		return err
	}
	if s.out, err = newOutput(out, s.format); err != nil {
		return err
	}
	do, err := c.prepare(s)
	if err != nil {
		return err
	}
	err = do(ctx)
	return errors.Join(err, s.out.end(err == nil))
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
