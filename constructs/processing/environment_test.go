package processing_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// environ is the environment of a function as its process gets it, with an address for what is known at deployment
// only.
func environ(t *testing.T, template cdktest.Template, function string) []string {
	t.Helper()
	list := []string{contract.EnvRegion + "=eu-west-1"} // set by Lambda
	variables, _ := template.Find(t, "AWS::Lambda::Function", function).
		Property("Environment", "Variables").(map[string]any)
	for name, value := range variables {
		text, ok := value.(string)
		if !ok {
			text = "https://later.example.com/name"
		}
		list = append(list, name+"="+text)
	}
	slices.Sort(list)
	return list
}

// TestProcessing_GivesTheFunctionsWhatTheyRead holds both ends of the environment together.
func TestProcessing_GivesTheFunctionsWhatTheyRead(t *testing.T) {
	for name, c := range map[string]struct {
		change          func(*processing.ProcessingProps)
		retention       time.Duration
		shards, buckets int
		adopted         []string
	}{
		"no props":   {byDefault, 0, contract.IndexShardsDefault, contract.FleetBucketsDefault, nil},
		"every prop": {everything, 90 * 24 * time.Hour, 16, 32, []string{"us-east-1", "eu-central-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			template := synth(t, c.change).Template(t, "Stack")
			aggregator, err := config.LoadAggregator(environ(t, template, "ProcessingAggregator"))
			if err != nil {
				t.Error(err)
			}
			if aggregator.Retention != c.retention || aggregator.IndexShards != c.shards ||
				aggregator.FleetBuckets != c.buckets || !slices.Equal(aggregator.Adopted, c.adopted) {
				t.Errorf("the aggregator reads %+v", aggregator)
			}
			repairer, err := config.LoadRepairer(environ(t, template, "ProcessingRepairer"))
			if err != nil {
				t.Error(err)
			}
			if repairer.Retention != c.retention || repairer.IndexShards != c.shards ||
				repairer.FleetBuckets != c.buckets ||
				repairer.FailuresURL == "" || repairer.DeadLettersURL == "" {
				t.Errorf("the repairer reads %+v", repairer)
			}
			auditor, err := config.LoadAggregator(environ(t, template, "ProcessingAuditor"))
			if err != nil {
				t.Error(err)
			}
			if !reflect.DeepEqual(auditor, aggregator) {
				t.Errorf("the auditor reads %+v, the aggregator %+v", auditor, aggregator)
			}
			processor, err := config.LoadCSVProcessor(environ(t, template, "ProcessingCsvProcessor"))
			if err != nil {
				t.Error(err)
			}
			if processor.Retention != c.retention {
				t.Errorf("the CSV processor reads %+v", processor)
			}
		})
	}
}
