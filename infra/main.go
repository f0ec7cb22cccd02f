// Command infra synthesizes the stacks of all environments and of the delivery pipeline, or of the one that the context
// key env names. The CDK's command line runs it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/refusal"
	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/stacks"
)

func main() {
	stderr := os.Stderr
	err := run(os.Getenv, os.ReadFile, stderr)
	refusal.Close()
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		os.Exit(1)
	}
}

// run is the program. All that can be wrong with the configuration is said before the CDK, which takes seconds, is
// started.
func run(getenv func(string) string, readFile func(string) ([]byte, error), stderr io.Writer) error {
	raw, err := config.ReadContext(getenv, readFile)
	if err != nil {
		return err
	}
	c, err := config.Load(raw.All, config.Defaults{Account: getenv("CDK_DEFAULT_ACCOUNT")})
	if err != nil {
		return fmt.Errorf("the configuration in cdk.json is wrong:\n%w", err)
	}
	pipeline := raw.Env == config.PipelineName && c.Pipeline != nil
	if raw.Env != "" && !pipeline {
		if c, err = c.Only(raw.Env); err != nil {
			return err
		}
	}
	for _, note := range c.Notes() {
		_, _ = fmt.Fprintln(stderr, "note:", note)
	}
	if err := checkNode(context.Background(), getenv); err != nil {
		return err
	}
	began := time.Now()
	n, err := synthesize(c, synthesis{
		directory: getenv("CDK_OUTDIR"), context: raw.Values(), validate: getenv(validationVariable) == "true",
		pipelineAlone: pipeline,
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stderr, "synthesized %d stacks in %.1f s\n", n, time.Since(began).Seconds())
	return nil
}

// validationVariable switches the CDK's own check of the templates on, by the value "true". The check takes longer than
// everything else together, so that only the gate and the pipeline run it. It leaves a report in the assembly.
const validationVariable = "CDK_VALIDATION"

// validationReport is the file of the assembly in which the CDK says what its check found.
const validationReport = "validation-report.json"

// synthesis says how the stacks are synthesized.
type synthesis struct {
	directory string         // empty leaves the choice to the CDK
	context   map[string]any // the CDK's feature flags are in it
	validate  bool
	// pipelineAlone leaves out the environments' stacks, except as the pipeline's stages.
	pipelineAlone bool
}

// synthesize returns how many stacks there are. The CDK and the constructs, whose constructors return no errors, panic
// with what is wrong; that becomes the error.
func synthesize(c config.Config, s synthesis) (stackCount int, err error) {
	defer func() {
		if refused := refusal.Sentence(recover()); refused != nil {
			err = fmt.Errorf("the stacks cannot be synthesized: %w", refused)
		}
	}()
	props := &awscdk.AppProps{
		AnalyticsReporting: jsii.Bool(false), Context: &s.context, BuiltinCloudFormationValidation: &s.validate,
		// A trace holds no line of Go, and it holds temporary paths of JavaScript, so that each synthesis would give
		// another assembly.
		StackTraces: jsii.Bool(false),
	}
	if s.directory != "" {
		props.Outdir = &s.directory
		// The command line fails as long as the report of an earlier check says that something is wrong. Where the
		// report cannot be removed, the CDK cannot write either, and it says so.
		_ = os.Remove(filepath.Join(s.directory, validationReport))
	}
	app := awscdk.NewApp(props)
	if s.pipelineAlone {
		stacks.NewPipeline(app, c)
	} else {
		stacks.NewApp(app, c)
	}
	return len(*app.Synth(nil).StacksRecursively()), nil
}
