// Command preflight says what is missing for a deployment of an environment of cdk.json, a line a point, and ends with status 1 while
// anything is:
//
//	preflight ENVIRONMENT
//
// It is run in the repository's folder, by `make preflight ENV=…`, and changes nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/preflight"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ready, err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "preflight:", err)
	}
	if err != nil || !ready {
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, out io.Writer) (ready bool, err error) {
	if len(arguments) != 1 {
		return false, errors.New("usage: preflight ENVIRONMENT")
	}
	c, err := config.Read(os.ReadFile, os.Getenv("CDK_DEFAULT_ACCOUNT"))
	if err != nil {
		return false, err
	}
	environment, err := c.Environment(arguments[0])
	if err != nil {
		return false, err
	}
	loading, cancel := context.WithTimeout(ctx, preflight.CheckTimeout)
	defer cancel()
	account, err := awsconfig.LoadDefaultConfig(loading, awsconfig.WithRegion(environment.Primary()),
		awsconfig.WithLogger(logging.Nop{})) // the report tells what failed
	if err != nil {
		// A profile that does not exist, say. Nothing can be asked then, and the rest can still be looked at.
		_, _ = fmt.Fprintln(os.Stderr, "preflight: the configuration of AWS:", err)
		account = aws.Config{}
	}
	report := preflight.Look(ctx, preflight.Options{
		Environment: environment, AWS: account, Machine: preflight.Machine{Dir: ".", Run: preflight.Run},
	})
	return report.Ready(), report.Write(out)
}
