package processing_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

// required are the props without which there is no Processing, and prebuilt code, since building takes seconds.
func required(t *testing.T) func(awscdk.Stack) processing.ProcessingProps {
	return func(stack awscdk.Stack) processing.ProcessingProps {
		key := storage.NewKey(stack, "Key", nil).Key
		return processing.ProcessingProps{
			Tables:         storage.NewGlobalTables(stack, "Tables", &storage.GlobalTablesProps{Key: key}),
			Uploads:        storage.NewUploads(stack, "Uploads", &storage.UploadsProps{Key: key}),
			Key:            key,
			AggregatorCode: cdktest.LambdaCode(t), CsvProcessorCode: cdktest.LambdaCode(t),
			RepairerCode: cdktest.LambdaCode(t), AuditorCode: cdktest.LambdaCode(t),
		}
	}
}

// everything sets every prop that has a default.
func everything(p *processing.ProcessingProps) {
	p.Retention, p.IndexShards, p.FleetBuckets = 90*24*time.Hour, 16, 32
	p.CsvConcurrency, p.StreamLanes, p.StreamBatchSize, p.AggregationWindow = 2, 10, 500, processing.NoAggregationWindow
	p.Adopted = []string{"us-east-1", "eu-central-1"}
	p.LogRetention, p.Architecture, p.Disposable = awslogs.RetentionDays_ONE_YEAR, goasset.AMD64, true
}

func synth(t *testing.T, change func(*processing.ProcessingProps), options ...cdktest.Option) *cdktest.Assembly {
	t.Helper()
	app := cdktest.NewApp(t, options...)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	props := required(t)(stack)
	change(&props)
	processing.NewProcessing(stack, "Processing", &props)
	return cdktest.Synth(t, app)
}

func byDefault(*processing.ProcessingProps) {}

func TestProcessing_Golden(t *testing.T) {
	own := synth(t, byDefault).Template(t, "Stack").Below("Processing")
	own.Part("AWS::Lambda::*", "AWS::SQS::Queue").Golden(t, "processing")
	cdktest.Golden(t, "policies.golden.txt", own.Policies())
}

func TestProcessing_PassesThePacksAndNamesEveryAction(t *testing.T) {
	for name, change := range map[string]func(*processing.ProcessingProps){
		"no props": byDefault, "every prop": everything,
	} {
		t.Run(name, func(t *testing.T) {
			out := synth(t, change, cdktest.Nag)
			suppressed := map[string]int{}
			for _, f := range out.Findings(t) {
				if !strings.HasPrefix(f.Resource, "Stack/Processing/") {
					continue
				}
				if f.Reason == "" {
					t.Errorf("%s: %s: %s", f.Resource, f.Rule, f.Info)
				}
				suppressed[f.Pack]++
			}
			t.Logf("findings explained, by pack: %v", suppressed)
			out.LeastPrivilege(t)
			out.NoCircles(t) // bucket, queue and role all name each other
		})
	}
}

func TestProcessing_EveryPropChangesTheTemplate(t *testing.T) {
	var other processing.ProcessingProps // what a change hands over, in every stack: only its use makes a difference
	base := func(stack awscdk.Stack) processing.ProcessingProps {
		p := required(t)(stack)
		other = processing.ProcessingProps{
			Tables:  storage.NewGlobalTables(stack, "OtherTables", &storage.GlobalTablesProps{Key: p.Key}),
			Uploads: storage.NewUploads(stack, "OtherUploads", &storage.UploadsProps{Key: p.Key}),
			Key:     storage.NewKey(stack, "OtherKey", nil).Key,
		}
		return p
	}
	cdktest.EveryPropMatters(t, base,
		func(stack awscdk.Stack, p *processing.ProcessingProps) {
			processing.NewProcessing(stack, "Processing", p)
		},
		map[string]func(awscdk.Stack, *processing.ProcessingProps){
			"Tables":          func(_ awscdk.Stack, p *processing.ProcessingProps) { p.Tables = other.Tables },
			"Uploads":         func(_ awscdk.Stack, p *processing.ProcessingProps) { p.Uploads = other.Uploads },
			"Key":             func(_ awscdk.Stack, p *processing.ProcessingProps) { p.Key = other.Key },
			"Retention":       func(_ awscdk.Stack, p *processing.ProcessingProps) { p.Retention = 24 * time.Hour },
			"IndexShards":     func(_ awscdk.Stack, p *processing.ProcessingProps) { p.IndexShards = 9 },
			"FleetBuckets":    func(_ awscdk.Stack, p *processing.ProcessingProps) { p.FleetBuckets = 9 },
			"CsvConcurrency":  func(_ awscdk.Stack, p *processing.ProcessingProps) { p.CsvConcurrency = 2 },
			"StreamLanes":     func(_ awscdk.Stack, p *processing.ProcessingProps) { p.StreamLanes = 2 },
			"StreamBatchSize": func(_ awscdk.Stack, p *processing.ProcessingProps) { p.StreamBatchSize = 1 },
			"AggregationWindow": func(_ awscdk.Stack, p *processing.ProcessingProps) {
				p.AggregationWindow = processing.NoAggregationWindow
			},
			"Adopted": func(_ awscdk.Stack,
				p *processing.ProcessingProps) {
				p.Adopted = []string{"us-east-1"}
			},
			"LogRetention": func(_ awscdk.Stack,
				p *processing.ProcessingProps) {
				p.LogRetention = awslogs.RetentionDays_ONE_DAY
			},
			"Architecture": func(_ awscdk.Stack, p *processing.ProcessingProps) { p.Architecture = goasset.AMD64 },
			"AggregatorCode": func(_ awscdk.Stack, p *processing.ProcessingProps) {
				p.AggregatorCode = goasset.LambdaCode("aggregator", goasset.AMD64)
			},
			"RepairerCode": func(_ awscdk.Stack, p *processing.ProcessingProps) {
				p.RepairerCode = goasset.LambdaCode("aggregator", goasset.AMD64)
			},
			"AuditorCode": func(_ awscdk.Stack, p *processing.ProcessingProps) {
				p.AuditorCode = goasset.LambdaCode("aggregator", goasset.AMD64)
			},
			"CsvProcessorCode": func(_ awscdk.Stack, p *processing.ProcessingProps) {
				p.CsvProcessorCode = goasset.LambdaCode("aggregator", goasset.AMD64)
			},
			"Disposable": func(_ awscdk.Stack, p *processing.ProcessingProps) { p.Disposable = true },
		})
}

func TestProcessing_BuildsWhatIsNotHandedOver(t *testing.T) {
	template := synth(t, func(p *processing.ProcessingProps) { p.AggregatorCode, p.CsvProcessorCode = nil, nil }).
		Template(t, "Stack")
	aggregator := template.Find(t, "AWS::Lambda::Function", "ProcessingAggregator").Text(t, "Code", "S3Key")
	processor := template.Find(t, "AWS::Lambda::Function", "ProcessingCsvProcessor").Text(t, "Code", "S3Key")
	if aggregator == processor {
		t.Error("both functions have the same code")
	}
}

// TestProcessing_FollowsOnlyItsOwnRegionsReadings holds what exact aggregates need of the template: replicated records
// invoke nothing, and no record is lost.
func TestProcessing_FollowsOnlyItsOwnRegionsReadings(t *testing.T) {
	source := synth(t, byDefault).Template(t, "Stack").
		Find(t, "AWS::Lambda::EventSourceMapping", "ProcessingAggregatorSource")
	source.Want(t, []any{
		map[string]any{"Pattern": `{"dynamodb":{"NewImage":{"region":{"S":["eu-west-1"]}}}}`},
		map[string]any{"Pattern": `{"dynamodb":{"OldImage":{"region":{"S":["eu-west-1"]}}}}`},
	}, "FilterCriteria", "Filters")
	source.Want(t, "TRIM_HORIZON", "StartingPosition")
	source.Want(t, true, "BisectBatchOnFunctionError")
	source.Want(t, []string{"ReportBatchItemFailures"}, "FunctionResponseTypes")
	source.Want(t, 1, "ParallelizationFactor")
	source.Want(t, 79200, "MaximumRecordAgeInSeconds")
	source.Want(t, "StreamArn", "EventSourceArn", "Fn::GetAtt", 1)
	failures := source.Text(t, "DestinationConfig", "OnFailure", "Destination", "Fn::GetAtt", 0)
	if !strings.HasPrefix(failures, "ProcessingStreamFailures") {
		t.Errorf("failures go to %s", failures)
	}
}

// This region aggregates changes of the readings that an adopted region wrote.
func TestProcessing_FollowsTheReadingsOfAdoptedRegions(t *testing.T) {
	template := synth(t, everything).Template(t, "Stack")
	source := template.Find(t, "AWS::Lambda::EventSourceMapping", "ProcessingAggregatorSource")
	source.Want(t, []any{
		map[string]any{"Pattern": `{"dynamodb":{"NewImage":{"region":{"S":["eu-west-1","us-east-1","eu-central-1"]}}}}`},
		map[string]any{"Pattern": `{"dynamodb":{"OldImage":{"region":{"S":["eu-west-1","us-east-1","eu-central-1"]}}}}`},
	}, "FilterCriteria", "Filters")
}

func TestProcessing_DoesNotAdoptItself(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	props := required(t)(stack)
	props.Adopted = []string{"us-east-1", "eu-west-1"}
	defer func() {
		const want = `Stack/Processing: Adopted[1] must not be one of the regions that serve, got "eu-west-1"; ` +
			"a region is adopted once its stack is gone"
		if got := fmt.Sprint(recover()); got != want {
			t.Errorf("it said %s\nwant %s", got, want)
		}
	}()
	processing.NewProcessing(stack, "Processing", &props)
}

func TestProcessing_FindsTheRegionOfAStackWithoutOne(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := awscdk.NewStack(app, jsii.String("Stack"), nil)
	props := required(t)(stack)
	processing.NewProcessing(stack, "Processing", &props)
	source := cdktest.Synth(t, app).Template(t, "Stack").
		Find(t, "AWS::Lambda::EventSourceMapping", "ProcessingAggregatorSource")
	source.Want(t, map[string]any{"Fn::Join": []any{"", []any{
		`{"dynamodb":{"NewImage":{"region":{"S":["`, map[string]any{"Ref": "AWS::Region"}, `"]}}}}`,
	}}}, "FilterCriteria", "Filters", 0, "Pattern")
}

func TestProcessing_LooksUpTheStreamOfImportedTables(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	props := required(t)(stack)
	props.Tables = storage.ImportGlobalTables(stack, "Imported",
		&storage.ImportGlobalTablesProps{Name: "SensorFlow-dev", Key: props.Key})
	processing.NewProcessing(stack, "Processing", &props)
	template := cdktest.Synth(t, app).Template(t, "Stack")
	template.Find(t, "AWS::Lambda::EventSourceMapping", "ProcessingAggregatorSource").
		Want(t, "Table.LatestStreamArn", "EventSourceArn", "Fn::GetAtt", 1)
	if text := cdktest.JSON(t, template.Below("Processing")); strings.Contains(text, "stream/*") {
		t.Error("a wildcard names streams")
	}
}

func TestProcessing_TakesTheBucketsEventsWithoutACustomResource(t *testing.T) {
	template := synth(t, byDefault).Template(t, "Stack")
	for _, r := range template.All("") {
		if strings.HasPrefix(r.Type, "Custom::") {
			t.Errorf("%s is a custom resource", r.ID)
		}
	}
	bucket := template.Find(t, "AWS::S3::Bucket", "UploadsBucket")
	bucket.Want(t, []any{
		map[string]any{"Name": "prefix", "Value": "uploads/"}, map[string]any{"Name": "suffix", "Value": ".csv"},
	}, "NotificationConfiguration", "QueueConfigurations", 0, "Filter", "S3Key", "Rules")
	policy := template.Find(t, "AWS::SQS::QueuePolicy", "ProcessingCsvQueue")
	// The policy cannot name the bucket, which is made after it; the function refuses events of others (EnvUploadsBucket).
	var senders []any
	for _, one := range cdktest.At(policy.Body, "Properties", "PolicyDocument", "Statement").([]any) {
		if cdktest.At(one, "Effect") == "Allow" {
			senders = append(senders, one)
		}
	}
	queue := template.Find(t, "AWS::SQS::Queue", "ProcessingCsvQueue")
	if want := []any{map[string]any{
		"Sid": "BucketEvents", "Effect": "Allow", "Action": "sqs:SendMessage",
		"Principal": map[string]any{"Service": "s3.amazonaws.com"},
		"Resource":  map[string]any{"Fn::GetAtt": []any{queue.ID, "Arn"}},
		"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": cdktest.Account}},
	}}; !reflect.DeepEqual(senders, want) {
		t.Errorf("into the queue may send %v", senders)
	}
	template.Find(t, "AWS::Lambda::Function", "ProcessingCsvProcessor").
		Want(t, bucket.ID, "Environment", "Variables", "UPLOADS_BUCKET", "Ref")
	if !strings.Contains(cdktest.JSON(t, bucket.Body["DependsOn"]), `"`+policy.ID+`"`) {
		t.Error("the bucket can be made before S3 may send to the queue, which S3 refuses")
	}
}

func TestProcessing_GivesUpCsvMessagesIntoDeadLetters(t *testing.T) {
	template := synth(t, byDefault).Template(t, "Stack")
	queue := template.Find(t, "AWS::SQS::Queue", "ProcessingCsvQueue")
	function := template.Find(t, "AWS::Lambda::Function", "ProcessingCsvProcessor")
	timeout, _ := function.Property("Timeout").(float64)
	visibility, _ := queue.Property("VisibilityTimeout").(float64)
	if timeout != 900 || visibility <= timeout+10 || visibility > 2*timeout {
		t.Errorf("the visibility timeout is %v s, that of the function %v s", visibility, timeout)
	}
	queue.Want(t, processing.CsvReceivesMax, "RedrivePolicy", "maxReceiveCount")
	source := template.Find(t, "AWS::Lambda::EventSourceMapping", "ProcessingCsvProcessorSource")
	source.Want(t, 1, "BatchSize")
	source.Want(t, []string{"ReportBatchItemFailures"}, "FunctionResponseTypes")
	source.Want(t, processing.CsvConcurrencyDefault, "ScalingConfig", "MaximumConcurrency")
}

func TestProcessing_MeasuresWhatOperatorsAsk(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	props := required(t)(stack)
	c := processing.NewProcessing(stack, "Processing", &props)
	for _, m := range []struct {
		name, unit, statistic string
		got                   interface {
			MetricName() *string
			Statistic() *string
			Namespace() *string
		}
	}{
		{"IteratorAge", "AWS/Lambda", "Maximum", c.MetricAggregationLag(nil)},
		{"ApproximateNumberOfMessagesVisible", "AWS/SQS", "Maximum", c.MetricCsvBacklog(nil)},
		{"ApproximateAgeOfOldestMessage", "AWS/SQS", "Maximum", c.MetricCsvAge(nil)},
		{"ApproximateNumberOfMessagesVisible", "AWS/SQS", "Maximum", c.MetricDeadLetters(nil)},
		{"NumberOfMessagesSent", "AWS/SQS", "Sum", c.MetricStreamFailures(nil)},
		{"ApproximateNumberOfMessagesVisible", "AWS/SQS", "Maximum", c.MetricStreamDeadLetters(nil)},
		{"AggregateDifferences", "SensorFlow/Stack/Processing", "Maximum", c.MetricDifferences(nil)},
		{"Errors", "AWS/Lambda", "Sum", c.MetricAuditErrors(nil)},
	} {
		if *m.got.MetricName() != m.name || *m.got.Namespace() != m.unit || *m.got.Statistic() != m.statistic {
			t.Errorf("%s is %s of %s, %s", m.name, *m.got.MetricName(), *m.got.Namespace(), *m.got.Statistic())
		}
	}
}

// TestProcessing_RepairsWhatTheStreamGivesUp: the queue of failures feeds the repairer, and nothing leaves it in
// silence.
func TestProcessing_RepairsWhatTheStreamGivesUp(t *testing.T) {
	template := synth(t, byDefault).Template(t, "Stack")
	queue := template.Find(t, "AWS::SQS::Queue", "ProcessingStreamFailures")
	dead := template.Find(t, "AWS::SQS::Queue", "ProcessingStreamDeadLetters")
	queue.Want(t, contract.StreamFailureReceivesMax+1, "RedrivePolicy", "maxReceiveCount")
	queue.Want(t, dead.ID, "RedrivePolicy", "deadLetterTargetArn", "Fn::GetAtt", 0)
	function := template.Find(t, "AWS::Lambda::Function", "ProcessingRepairer")
	timeout, _ := function.Property("Timeout").(float64)
	if visibility, _ := queue.Property("VisibilityTimeout").(float64); visibility <= timeout {
		t.Errorf("a message comes back after %v s, while the function works on it for %v s", visibility, timeout)
	}
	source := template.Find(t, "AWS::Lambda::EventSourceMapping", "ProcessingRepairerSource")
	source.Want(t, queue.ID, "EventSourceArn", "Fn::GetAtt", 0)
	source.Want(t, []string{"ReportBatchItemFailures"}, "FunctionResponseTypes")
	source.Want(t, 1, "BatchSize")
	variables, _ := function.Property("Environment", "Variables").(map[string]any)
	if at := cdktest.At(variables[contract.EnvStreamDeadLettersURL], "Ref"); at != dead.ID {
		t.Errorf("what cannot be repaired goes to %v", at)
	}
}

// TestProcessing_AuditsBySchedule: the auditor can write nothing, and its log's last line becomes the metric of the
// alarm.
func TestProcessing_AuditsBySchedule(t *testing.T) {
	template := synth(t, byDefault).Template(t, "Stack")
	function := template.Find(t, "AWS::Lambda::Function", "ProcessingAuditor")
	schedule := template.Only(t, "AWS::Events::Rule")
	schedule.Want(t, "rate(1 hour)", "ScheduleExpression")
	schedule.Want(t, function.ID, "Targets", 0, "Arn", "Fn::GetAtt", 0)
	filter := template.Only(t, "AWS::Logs::MetricFilter")
	filter.Want(t, `{ ($.msg = "audit finished") && ($.different = *) }`, "FilterPattern")
	filter.Want(t, "$.different", "MetricTransformations", 0, "MetricValue")
	filter.Want(t, "SensorFlow/Stack/Processing", "MetricTransformations", 0, "MetricNamespace")
	filter.Want(t, template.Find(t, "AWS::Logs::LogGroup", "ProcessingAuditorLog").ID, "LogGroupName", "Ref")
	policy := cdktest.JSON(t, template.Find(t, "AWS::IAM::ManagedPolicy", "ProcessingAuditorPolicy").Body)
	for _, writes := range []string{"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQL", "kms:Encrypt"} {
		if strings.Contains(policy, writes) {
			t.Errorf("the auditor may %s: %s", writes, policy)
		}
	}
}
