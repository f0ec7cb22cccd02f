// Command coldchain is a CDK app of another team, in a module of its own: it uses the SensorFlow constructs as
// published, in the ways that their README describes. Package test/consumertest of the main module builds and runs it.
package main

import (
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/refusal"
)

// account owns every stack.
const account = "222222222222"

func main() {
	defer jsii.Close()
	defer refusal.Exit() // what is wrong is one sentence then, without traces of Go and JavaScript
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: outdir()})
	plain(app)
	everything(app)
	existing(app)
	people(app)
	regions(app)
	leaving(app)
	app.Synth(nil)
}

// outdir is where the CDK's command line wants the assembly; without it, the CDK's own choice.
func outdir() *string {
	if dir := os.Getenv("CDK_OUTDIR"); dir != "" {
		return &dir
	}
	return nil
}

func in(region string) *awscdk.Environment {
	return &awscdk.Environment{Account: jsii.String(account), Region: jsii.String(region)}
}
