// Command rollback puts the service and the functions of a region back on what ran before the last deployment that changed them:
//
//	rollback [-yes] STACK REGION
//
// `make rollback ENV=… REGION=…` runs it. It says what it will do, asks unless -yes is given, and tells its progress. The status is 0 once
// everything is stable, and 1 after anything else.
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
	"syscall"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/sensorflow/sensorflow/infra/operate/ask"
	"github.com/sensorflow/sensorflow/infra/operate/awscall"
	"github.com/sensorflow/sensorflow/infra/operate/rollback"
)

const (
	// loadTimeout bounds the look for credentials, downloadTimeout the way of one function's code.
	loadTimeout     = 10 * time.Second
	downloadTimeout = 5 * time.Minute
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "rollback:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("rollback", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	yes := flags.Bool("yes", false, "do not ask")
	if err := flags.Parse(arguments); err != nil || flags.NArg() != 2 {
		return errors.New("usage: rollback [-yes] STACK REGION")
	}
	loading, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	account, err := awsconfig.LoadDefaultConfig(loading, awsconfig.WithRegion(flags.Arg(1)))
	if err != nil {
		return fmt.Errorf("read the configuration of AWS: %w", err)
	}
	confirm := func() (bool, error) { return ask.Yes(in, out) }
	if *yes {
		confirm = func() (bool, error) { return true, nil }
	}
	return rollback.Run(ctx, rollback.Options{
		Stack: flags.Arg(0), Region: flags.Arg(1), AWS: account, HTTP: &http.Client{Timeout: downloadTimeout}, Out: out, Confirm: confirm, Wait: awscall.Sleep,
	})
}
