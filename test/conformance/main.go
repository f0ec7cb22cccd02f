// Command conformance tries everything that SensorFlow relies on in DynamoDB against an endpoint: another emulator, or AWS.
//
//	ENDPOINT=http://127.0.0.1:8000 conformance
//	AWS_REGION=eu-west-1 conformance             # AWS itself, with the credentials of the environment
//
// What it tries are the cases of test/simulation/storagesuite. It makes tables of its own, with names that nobody guesses, and
// deletes them at the end, also when it is interrupted or finds nothing but differences. It ends with status 0 where everything holds
// that could be tried or that is known to differ there without harm, 1 where something else differs, and 2 where it could not finish.
//
// It is a program and no test, so that it can be interrupted without leaving tables behind. It imports the suite and the SDK.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/test/simulation/storagesuite"
)

// The exit statuses.
const (
	statusHolds      = 0
	statusDiffers    = 1
	statusUnfinished = 2
)

const (
	// runWithin bounds everything but the deletion of the tables, caseWithin one case, and deleteWithin that deletion.
	runWithin    = 20 * time.Minute
	caseWithin   = 2 * time.Minute
	deleteWithin = 5 * time.Minute
)

// errDiffers says that something differs. The table tells what.
var errDiffers = errors.New("something that SensorFlow relies on differs")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv, os.Stdout, storagesuite.Cases())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
	os.Exit(status(err))
}

func status(err error) int {
	switch {
	case err == nil:
		return statusHolds
	case errors.Is(err, errDiffers):
		return statusDiffers
	default:
		return statusUnfinished
	}
}

// run tries the cases against what the environment names. Its error says in a sentence why it refuses, could not finish, or that
// something differs.
func run(ctx context.Context, getenv func(string) string, out io.Writer, cases []storagesuite.Case) (err error) {
	target, err := findTarget(ctx, getenv)
	if err != nil {
		return err
	}
	endpoint := storagesuite.NewEndpoint(target.cfg)
	endpoint.Settle = target.settle
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteWithin)
		defer cancel()
		if failed := endpoint.Close(closing); failed != nil {
			err = errors.Join(err, fmt.Errorf("tables could not be deleted: %w", failed))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, runWithin)
	defer cancel()
	if err := target.identify(ctx, endpoint); err != nil {
		return err
	}
	r := &report{out: out, target: target, known: storagesuite.KnownDifferences(target.kind)}
	r.begin(endpoint.Prefix, len(cases))
	outcomes := tryAll(ctx, endpoint, cases, target.parallel, r.progress)
	return r.end(ctx, outcomes)
}
