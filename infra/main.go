// Command infra synthesizes the stacks of all environments, or of the one that the context key env names, and of the delivery
// pipeline. The CDK's command line runs it.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/stacks"
)

func main() {
	if err := run(os.Getenv, os.ReadFile, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is the program. All that can be wrong with the configuration is said before the CDK is started.
func run(getenv func(string) string, readFile func(string) ([]byte, error), stderr io.Writer) error {
	raw, err := context(getenv, readFile)
	if err != nil {
		return err
	}
	c, err := config.Load(raw, config.Defaults{Account: getenv("CDK_DEFAULT_ACCOUNT")})
	if err != nil {
		return fmt.Errorf("the configuration in cdk.json is wrong:\n%w", err)
	}
	for _, note := range c.Notes() {
		fmt.Fprintln(stderr, "note:", note)
	}
	synthesize(c, getenv("CDK_OUTDIR"))
	return nil
}

func synthesize(c config.Config, directory string) {
	defer jsii.Close()
	props := &awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)}
	if directory != "" {
		props.Outdir = &directory
	}
	app := awscdk.NewApp(props)
	stacks.NewApp(app, c)
	app.Synth(nil)
}
