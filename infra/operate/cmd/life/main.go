// Command life does for the Makefile what needs a look at AWS, at the beginning of a deployment's life and at its end:
//
//	life begin TASK ENVIRONMENT             says in a sentence what a task cannot begin without, and makes way for a deployment
//	life stays ENVIRONMENT STACKS           says what stays of the stacks of cdk.out that are deployed; STACKS is a pattern
//	life detach [-yes] ENVIRONMENT REGION   takes the user pool's replica out of a region that has left
//
// It is run in the repository's folder. The status is 0 once it is done, 4 where none of the stacks is there, and 1 after anything else.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/ask"
	"github.com/sensorflow/sensorflow/infra/operate/awscall"
	"github.com/sensorflow/sensorflow/infra/operate/deployed"
	"github.com/sensorflow/sensorflow/infra/operate/preflight"
	"github.com/sensorflow/sensorflow/infra/operate/replica"
	"github.com/sensorflow/sensorflow/infra/stays"
)

// assemblyDir is where `make destroy` synthesizes to.
const assemblyDir = "cdk.out"

// loadTimeout bounds the look for credentials.
const loadTimeout = 10 * time.Second

// nothingThere is the status that tells that no stack is deployed.
const nothingThere = 4

var (
	errUsage   = errors.New("usage: life begin TASK ENVIRONMENT | stays ENVIRONMENT STACKS | detach [-yes] ENVIRONMENT REGION")
	errNothing = errors.New("none of the stacks is there")
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := program{os.Stdin, os.Stdout, os.Stderr, os.ReadFile, os.Getenv("CDK_DEFAULT_ACCOUNT")}
	err := p.run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errNothing):
		os.Exit(nothingThere)
	case err != nil:
		os.Exit(1)
	}
}

// program is what the command works with.
type program struct {
	in        io.Reader
	out, errs io.Writer
	readFile  func(name string) ([]byte, error)
	account   string // of environments that name none
}

// run writes an error to errs, each line behind the name of the task.
func (p program) run(ctx context.Context, arguments []string) error {
	task, err := "life", errUsage
	if len(arguments) > 0 {
		switch verb := arguments[0]; verb {
		case "begin":
			if len(arguments) == 3 {
				task, err = arguments[1], p.begin(ctx, arguments[1], arguments[2])
			}
		case "stays":
			if len(arguments) == 3 {
				task, err = "destroy", p.stays(ctx, arguments[1], arguments[2])
			}
		case "detach":
			task, err = verb, p.detach(ctx, arguments[1:])
		}
	}
	if err != nil {
		for line := range bytes.Lines([]byte(err.Error())) {
			_, _ = fmt.Fprintf(p.errs, "%s: %s\n", task, bytes.TrimSuffix(line, []byte("\n")))
		}
	}
	return err
}

// begin also ends the protection of stacks whose creation failed, where the task deploys.
func (p program) begin(ctx context.Context, task, name string) error {
	environment, err := p.environment(name)
	if err != nil {
		return err
	}
	account := p.aws(ctx, environment.Primary())
	deploys := task == "deploy"
	if err := preflight.Begin(ctx, environment, account, deploys); err != nil {
		return err
	}
	if deploys {
		stacks := environment.Stacks()
		if name == config.PipelineName {
			stacks = []config.Stack{{Name: config.StackPrefix + name, Region: environment.Primary()}}
		}
		deployed.MakeWay(ctx, account, stacks, p.errs)
	}
	return nil
}

// stays falls back on what was synthesized where AWS does not tell.
func (p program) stays(ctx context.Context, name, pattern string) error {
	environment, err := p.environment(name)
	if err != nil {
		return err
	}
	synthesized, err := stays.Read(os.DirFS(assemblyDir), pattern)
	if err != nil {
		return err
	}
	there, err := deployed.Look(ctx, p.aws(ctx, environment.Primary()), synthesized)
	if err != nil {
		if said := stays.Say(p.out, name, synthesized); said != nil {
			return said
		}
		return fmt.Errorf("%w\nso the above is what the templates in %s say, and not what is deployed", err, assemblyDir)
	}
	if len(there) == 0 {
		return fmt.Errorf("%w: nothing of %s is deployed", errNothing, pattern)
	}
	return stays.Say(p.out, name, there)
}

func (p program) detach(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("detach", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	yes := flags.Bool("yes", false, "do not ask")
	if err := flags.Parse(arguments); err != nil || flags.NArg() != 2 {
		return errUsage
	}
	environment, err := p.environment(flags.Arg(0))
	if err != nil {
		return err
	}
	account := p.aws(ctx, environment.Primary())
	if err := preflight.Begin(ctx, environment, account, false); err != nil {
		return err
	}
	confirm := func() (bool, error) { return ask.Yes(p.in, p.out) }
	if *yes {
		confirm = func() (bool, error) { return true, nil }
	}
	return replica.Detach(ctx, replica.Options{
		Environment: environment, Region: flags.Arg(1), AWS: account, Out: p.out, Confirm: confirm, Wait: awscall.Sleep,
	})
}

// environment takes an environment of cdk.json, or the pipeline as far as it is like one.
func (p program) environment(name string) (config.Environment, error) {
	c, err := config.Read(p.readFile, p.account)
	if err != nil {
		return config.Environment{}, err
	}
	if name == config.PipelineName && c.Pipeline != nil {
		return config.Environment{Name: name, Account: c.Pipeline.Account, Regions: []string{c.Pipeline.Region}}, nil
	}
	return c.Environment(name)
}

// aws reads the configuration of AWS. What fails there, such as a profile that does not exist, shows as credentials that are missing.
func (p program) aws(ctx context.Context, region string) aws.Config {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	account, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region), awsconfig.WithLogger(logging.Nop{}))
	if err != nil {
		_, _ = fmt.Fprintln(p.errs, "the configuration of AWS:", err)
		return aws.Config{}
	}
	return account
}
