package rules_test

import (
	"maps"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/infra/stacks"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// TestConstruct_SetsTheseVariables synthesizes a deployment with everything set, and one with nothing, and finds what the table of this
// package hands on to the programs in their environment.
func TestConstruct_SetsTheseVariables(t *testing.T) {
	everything := domain("api.example.com", "Z01234", "example.com")
	maps.Copy(everything, keys{
		"regions": []string{"eu-west-1", "eu-central-1", "af-south-1"}, "retentionDays": 36500, "indexShards": 256, "fleetBuckets": 1,
		"allowedOrigins": []string{"https://app.example.com:8443", "http://localhost:3000"},
	})
	for name, with := range map[string]keys{"everything": everything, "nothing": {}} {
		t.Run(name, func(t *testing.T) {
			e, err := load(t, with)
			if err != nil {
				t.Fatal(err)
			}
			p := stacks.Props(e)
			p.Flow.ApiImage = awsecs.ContainerImage_FromRegistry(jsii.String("example.com/api:1"), nil)
			p.ForRegion = func(_ awscdk.Stack, _ string, flow *sensorflow.SensorFlowProps) {
				flow.AggregatorCode, flow.CsvProcessorCode = cdktest.LambdaCode(t), cdktest.LambdaCode(t)
				flow.RepairerCode, flow.AuditorCode = cdktest.LambdaCode(t), cdktest.LambdaCode(t)
				flow.SmokeTestCode = cdktest.LambdaCode(t)
			}
			app := cdktest.NewApp(t)
			sensorflow.NewMultiRegion(app, "Flow", p)
			out := cdktest.Synth(t, app)
			for _, region := range p.Regions {
				template := out.Template(t, "Flow-"+region)
				want := variables(p, region)
				keys := []string{
					contract.EnvRetention, contract.EnvIndexShards, contract.EnvFleetBuckets, contract.EnvAllowedOrigins, contract.EnvUserPoolRegion,
				}
				if p.Domain != nil { // without one the address is known at deployment only
					keys = append(keys, contract.EnvPublicURL)
				}
				wantOnly(t, region+", api", apiVariables(t, template), want, keys)
				wantOnly(t, region+", csvprocessor", functionVariables(t, template, "ProcessingCsvProcessor"), want, []string{contract.EnvRetention})
				wantOnly(t, region+", aggregator", functionVariables(t, template, "ProcessingAggregator"), want,
					[]string{contract.EnvRetention, contract.EnvIndexShards, contract.EnvFleetBuckets})
				for _, function := range []string{"Repairer", "Auditor"} {
					wantOnly(t, region+", "+function, functionVariables(t, template, "Processing"+function), want,
						[]string{contract.EnvRetention, contract.EnvIndexShards, contract.EnvFleetBuckets})
				}
			}
		})
	}
}

// wantOnly holds some variables to those that are wanted, or to none.
func wantOnly(t *testing.T, program string, got map[string]any, want map[string]string, keys []string) {
	t.Helper()
	for _, key := range keys {
		value, wanted := want[key]
		found, set := got[key]
		if set != wanted || wanted && found != value {
			t.Errorf("%s: %s is %v (%v), want %q (%v)", program, key, found, set, value, wanted)
		}
	}
}

func apiVariables(t *testing.T, template cdktest.Template) map[string]any {
	t.Helper()
	found := map[string]any{}
	variables, _ := template.Only(t, "AWS::ECS::TaskDefinition").Property("ContainerDefinitions", 0, "Environment").([]any)
	for _, v := range variables {
		name, _ := cdktest.At(v, "Name").(string)
		found[name] = cdktest.At(v, "Value")
	}
	return found
}

func functionVariables(t *testing.T, template cdktest.Template, id string) map[string]any {
	t.Helper()
	variables, _ := template.Find(t, "AWS::Lambda::Function", "SensorFlow"+id).Property("Environment", "Variables").(map[string]any)
	return variables
}
