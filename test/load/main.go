// Command load puts a crowd of users onto the service: each has a connection of its own, sends one reading, waits 1 to 3 s and sends
// the next, and latency is counted from the moment at which it was to be sent (package users). It prints how it goes, a summary
// that ends with figures for programs, and leaves a page with pictures in .local/load.
//
// What it does is said by variables of the environment, as `make load` hands them on:
//
//	USERS=10000         how many users; 1000 if left out
//	DURATION=60s        how long is measured, after the ramp
//	RAMP=20s            over which the users begin; 500 of them a second, and 5 s at least, if left out
//	URL=https://…       what is loaded. If left out, the API is started beside a stand-in for what it calls (package standin)
//	TOKEN=…             an access token for URL, and only with it; if left out, one is asked for as .local/stack.json tells, if that is of URL
//	TABLE=dynamodb      without URL: starts the whole local system, and looks for every reading that was answered with 201 afterwards
//	FAULTS=5            with TABLE=dynamodb: how many of a hundred calls to DynamoDB fail, half of them after they took effect
//	VERIFY=1            with URL: looks for every reading that was answered with 201 afterwards
//	SERVE=1             finds or starts what would be loaded, prints its URL, a TOKEN and the DURATION in seconds, and waits until it is
//	                    interrupted: for other clients
//	REPORTS=folder      runs 500, 1,000, 5,000 and 10,000 users instead of USERS, and writes Markdown with pictures into the folder
//
// Its status is 0 where everything was measured, whatever the figures, 1 where a reading was lost or nothing was stored in the measured
// time, and 2 where it could not finish.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// verdictError says in a sentence what is wrong with a run that came to its end: readings were lost, or nothing was stored.
type verdictError struct{ sentence string }

func (e *verdictError) Error() string { return e.sentence }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
	}
	os.Exit(statusOf(err))
}

// statusOf is the status of a run that ended with this error.
func statusOf(err error) int {
	var verdict *verdictError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &verdict):
		return 1
	default:
		return 2
	}
}

// run loads what the environment names, writes the summaries to out and how it goes to progress.
func run(ctx context.Context, getenv func(string) string, out, progress io.Writer) error {
	s, err := readSettings(getenv)
	if err != nil {
		return err
	}
	switch {
	case s.serve:
		return serve(ctx, s, out)
	case s.reports != "":
		return publish(ctx, s, out, progress)
	default:
		_, err = one(ctx, s, out, progress)
		return err
	}
}
