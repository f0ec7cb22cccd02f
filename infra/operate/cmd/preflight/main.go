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
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/preflight"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
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
	environment, err := read(arguments[0])
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

// read takes an environment of cdk.json. Its account may be missing.
func read(name string) (config.Environment, error) {
	values, err := config.ReadContext(func(string) string { return "" }, os.ReadFile)
	if err != nil {
		return config.Environment{}, err
	}
	c, err := config.Load(values.All, config.Defaults{AccountLater: true})
	if err != nil {
		return config.Environment{}, fmt.Errorf("the configuration in %s is wrong:\n%w", config.File, err)
	}
	environment, known := c.Environments[name]
	if !known {
		return environment, rule.Fault{
			Field: "ENV", Rule: "must be one of the environments " + strings.Join(slices.Sorted(maps.Keys(c.Environments)), ", "), Got: name,
		}
	}
	return environment, nil
}
