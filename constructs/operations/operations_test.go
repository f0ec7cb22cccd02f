package operations_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/operations"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

// required are the props without which there are no Operations, of parts with these ids.
func required(t *testing.T, prefix string) func(awscdk.Stack) operations.OperationsProps {
	return func(stack awscdk.Stack) operations.OperationsProps {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		key := storage.NewKey(stack, prefix+"Key", nil).Key
		tables := storage.NewGlobalTables(stack, prefix+"Tables", &storage.GlobalTablesProps{Key: key})
		uploads := storage.NewUploads(stack, prefix+"Uploads", &storage.UploadsProps{Key: key})
		return operations.OperationsProps{
			Tables: tables, Key: key,
			Api: apiservice.NewApiService(stack, prefix+"Api", &apiservice.ApiServiceProps{
				Tables: tables, Uploads: uploads, Key: key, Image: awsecs.ContainerImage_FromAsset(&dir, nil),
				Settings: identity.ImportSettings(stack, prefix+"Settings", "test", key),
			}),
			Processing: processing.NewProcessing(stack, prefix+"Processing", &processing.ProcessingProps{
				Tables:           tables,
				Uploads:          uploads,
				Key:              key,
				AggregatorCode:   cdktest.LambdaCode(t),
				CsvProcessorCode: cdktest.LambdaCode(t),
				RepairerCode:     cdktest.LambdaCode(t),
				AuditorCode:      cdktest.LambdaCode(t),
			}),
		}
	}
}

func byDefault(*operations.OperationsProps) {}

// everything sets every prop that has a default.
func everything(p *operations.OperationsProps) {
	p.AlarmEmails = []string{"ada@example.com", "grace@example.com"}
	p.LatencyMax, p.LagMax, p.ReplicationMax, p.CsvAgeMax = 250*time.Millisecond, 90*time.Second, 5*time.Second,
		2*time.Hour
	p.ServerErrorsMax, p.ThrottlesMax = 3, 7
}

func synth(t *testing.T, change func(*operations.OperationsProps), options ...cdktest.Option) *cdktest.Assembly {
	t.Helper()
	app := cdktest.NewApp(t, options...)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	props := required(t, "")(stack)
	change(&props)
	operations.NewOperations(stack, "Operations", &props)
	return cdktest.Synth(t, app)
}

// TestOperations_ShowsARegionAtAGlance holds the dashboard, a line for each widget: its width, its title, and what it
// shows.
func TestOperations_ShowsARegionAtAGlance(t *testing.T) {
	template := synth(t, byDefault).Template(t, "Stack")
	var dashboard struct {
		Widgets []struct {
			Width      int
			Properties struct {
				Title   string
				Alarms  []string
				Metrics [][]any
			}
		}
	}
	body := cdktest.Listed(template.Only(t, "AWS::CloudWatch::Dashboard").Property("DashboardBody"))
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var lines strings.Builder
	for _, w := range dashboard.Widgets {
		_, _ = fmt.Fprintf(&lines, "%2d  %s\n", w.Width, w.Properties.Title)
		for _, arn := range w.Properties.Alarms {
			_, _ = fmt.Fprintf(&lines, "      %s\n", arn)
		}
		for _, metric := range w.Properties.Metrics {
			_, _ = fmt.Fprintf(&lines, "      %s\n", strings.TrimSpace(fmt.Sprintln(metric...)))
		}
	}
	cdktest.Golden(t, "dashboard.golden.txt", lines.String())
}

func TestOperations_PassesThePacksAndNamesEveryAction(t *testing.T) {
	out := synth(t, everything, cdktest.Nag)
	for _, f := range out.Findings(t) {
		if strings.HasPrefix(f.Resource, "Stack/Operations/") {
			t.Errorf("%s: %s: %s", f.Resource, f.Rule, f.Info) // none needs a reason
		}
	}
	out.LeastPrivilege(t)
	out.NoCircles(t)
}

// TestOperations_AlarmsInTheUnitsOfTheMetrics holds each alarm: the metric, in which unit AWS counts it, from where on
// and for how long.
func TestOperations_AlarmsInTheUnitsOfTheMetrics(t *testing.T) {
	const above, under, missingIsFine, missingIsWrong = "GreaterThanThreshold", "LessThanThreshold", "notBreaching",
		"breaching"
	type alarm struct {
		name, metric    string // of several metrics, how their expression begins
		period, periods int
		comparison      string
		missing         string
		plain, full     float64 // thresholds with no props and with everything
	}
	all := []alarm{
		{"ServerErrors", "HTTPCode_Target_5XX_Count", 300, 1, above, missingIsFine, 10, 3},
		{"Unanswered", "HTTPCode_ELB_5XX_Count", 300, 1, above, missingIsFine, 10, 3},
		{"Latency", "TargetResponseTime", 300, 2, above, missingIsFine, 1, 0.25}, // seconds
		{"NoTasks", "MAX([FILL(ofHealthyHostCount, 0)", 60, 5, under, missingIsWrong, 1, 1},
		{"UnhealthyTasks", "MAX([FILL(ofUnHealthyHostCount, 0)", 60, 5, above, missingIsFine, 0, 0},
		{"Throttles", "FILL(readingsRead, 0) + FILL(readingsWrite, 0)", 300, 2, above, missingIsFine, 100, 7},
		{"AggregationLag", "IteratorAge", 60, 5, above, missingIsFine, 60_000, 90_000}, // milliseconds
		{"Replication", "SELECT MAX(ReplicationLatency)", 60, 5, above, missingIsFine, 30_000, 5_000},
		{"StreamFailures", "NumberOfMessagesSent", 300, 1, above, missingIsFine, 0, 0},
		{"StreamDeadLetters", "ApproximateNumberOfMessagesVisible", 60, 1, above, missingIsFine, 0, 0},
		{"AggregateDifferences", "AggregateDifferences", 3600, 1, above, missingIsFine, 0, 0},
		{"AuditErrors", "Errors", 3600, 2, above, missingIsFine, 0, 0},
		{"DeadLetters", "ApproximateNumberOfMessagesVisible", 60, 1, above, missingIsFine, 0, 0},
		{"CsvAge", "ApproximateAgeOfOldestMessage", 60, 5, above, missingIsFine, 3600, 7200}, // seconds
	}
	plain, full := synth(t, byDefault).Template(t, "Stack"), synth(t, everything).Template(t, "Stack")
	if n := len(plain.Below("Operations").All("AWS::CloudWatch::Alarm")); n != len(all) {
		t.Errorf("there are %d alarms, not %d", n, len(all))
	}
	topic := plain.Only(t, "AWS::SNS::Topic").ID
	for _, want := range all {
		t.Run(want.name, func(t *testing.T) {
			got := plain.Find(t, "AWS::CloudWatch::Alarm", "Operations"+want.name)
			metric, period := measured(got)
			if !strings.HasPrefix(metric, want.metric) || period != want.period {
				t.Errorf("it measures %q every %d s", metric, period)
			}
			got.Want(t, want.periods, "EvaluationPeriods")
			got.Want(t, want.comparison, "ComparisonOperator")
			got.Want(t, want.missing, "TreatMissingData")
			got.Want(t, want.plain, "Threshold")
			full.Find(t, "AWS::CloudWatch::Alarm", "Operations"+want.name).Want(t, want.full, "Threshold")
			for _, actions := range []string{"AlarmActions", "OKActions"} {
				got.Want(t, []any{map[string]any{"Ref": topic}}, actions)
			}
			if len(got.Text(t, "AlarmDescription")) < 40 {
				t.Error("it does not say what to do")
			}
		})
	}
	needs := cdktest.JSON(t, plain.Find(t, "AWS::CloudWatch::Alarm", "OperationsNoTasks").Body["DependsOn"])
	if service := plain.Only(t, "AWS::ECS::Service").ID; !strings.Contains(needs, `"`+service+`"`) {
		t.Error("the first deployment ends in an alarm, since there are no tasks yet")
	}
}

// measured is the name of an alarm's metric, or the expression of several, and the period in seconds.
func measured(alarm cdktest.Resource) (metric string, period int) {
	name, ok := alarm.Property("MetricName").(string)
	seconds, _ := alarm.Property("Period").(float64)
	if ok {
		return name, int(seconds)
	}
	metrics, _ := alarm.Property("Metrics").([]any)
	for _, m := range metrics {
		if expression := cdktest.At(m, "Expression"); expression != nil {
			switch e := expression.(type) {
			case string:
				metric = e
			default: // with the name of a table that is known at deployment only
				metric, _ = cdktest.At(e, "Fn::Join", 1, 0).(string)
			}
		}
		for _, at := range [][]any{{"Period"}, {"MetricStat", "Period"}} {
			if s, ok := cdktest.At(m, at...).(float64); ok {
				seconds = s
			}
		}
	}
	return metric, int(seconds)
}

func TestOperations_TellsOverTLSAlone(t *testing.T) {
	template := synth(t, everything).Template(t, "Stack")
	topic := template.Only(t, "AWS::SNS::Topic")
	if topic.ID != "OperationsTopic6D6844EA" {
		t.Errorf("the topic is %s: with another id everybody must confirm again", topic.ID)
	}
	topic.Want(t, template.Find(t, "AWS::KMS::Key", "Key").ID, "KmsMasterKeyId", "Fn::GetAtt", 0)
	statements, _ := template.Only(t, "AWS::SNS::TopicPolicy").Property("PolicyDocument", "Statement").([]any)
	var denied, allowed bool
	for _, s := range statements {
		switch cdktest.At(s, "Effect") {
		case "Deny":
			denied = cdktest.At(s, "Condition", "Bool", "aws:SecureTransport") == "false"
		case "Allow":
			allowed = cdktest.At(s, "Principal", "Service") == "cloudwatch.amazonaws.com" &&
				cdktest.At(s, "Condition", "StringEquals", "aws:SourceAccount") == cdktest.Account
		}
	}
	if !denied || !allowed || len(statements) != 2 {
		t.Errorf("the policy is %s", cdktest.JSON(t, statements))
	}
	var emails []any
	for _, s := range template.All("AWS::SNS::Subscription") {
		emails = append(emails, s.Property("Endpoint"))
	}
	if len(emails) != 2 || emails[0] == emails[1] {
		t.Errorf("alarms go to %v", emails)
	}
}

func TestOperations_TakesAlarmsOfOthers(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	props := required(t, "")(stack)
	o := operations.NewOperations(stack, "Operations", &props)
	o.AddAlarm("SignInThrottles", props.Api.MetricBlockedRequests(nil), &awscloudwatch.CreateAlarmOptions{
		Threshold: jsii.Number(5), EvaluationPeriods: jsii.Number(2), DatapointsToAlarm: jsii.Number(1),
	})
	if o.Alarms["SignInThrottles"] == nil {
		t.Error("it is not among the alarms")
	}
	template := cdktest.Synth(t, app).Template(t, "Stack")
	alarm := template.Find(t, "AWS::CloudWatch::Alarm", "OperationsSignInThrottles")
	alarm.Want(t, 5, "Threshold")
	alarm.Want(t, 1, "DatapointsToAlarm")
	alarm.Want(t, []any{map[string]any{"Ref": template.Only(t, "AWS::SNS::Topic").ID}}, "AlarmActions")
}

// TestOperations_RefusesAlarmsThatTheCDKWouldTrace asks for alarms for which the CDK would end in a trace of
// JavaScript.
func TestOperations_RefusesAlarmsThatTheCDKWouldTrace(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", "eu-west-1")
	props := required(t, "")(stack)
	o := operations.NewOperations(stack, "Operations", &props)
	metric := props.Api.MetricBlockedRequests(nil)
	options := &awscloudwatch.CreateAlarmOptions{Threshold: jsii.Number(5), EvaluationPeriods: jsii.Number(2)}
	for _, c := range []struct {
		name, alarm string
		metric      awscloudwatch.IMetric
		options     *awscloudwatch.CreateAlarmOptions
		want        string
	}{
		{"rejects no metric", "Mine", nil, options,
			`AddAlarm("Mine"): metric is required; give what a method such as MetricRequests returns`},
		{"rejects the name of another alarm", "Latency", metric, options,
			`AddAlarm("Latency") would be a second alarm of that name; choose another name`},
		{"rejects no name", "", metric, options,
			`AddAlarm(""): name is required; give one that tells the alarm from others`},
		{"rejects no options", "Mine", metric, nil,
			`AddAlarm("Mine"): options.Threshold is required; give the value from which on the alarm goes off
AddAlarm("Mine"): options.EvaluationPeriods is required; give the number of periods that decide`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cdktest.RefusesToBuild(t, "Stack/Operations: "+c.want, func() { o.AddAlarm(c.alarm, c.metric, c.options) })
		})
	}
	o.AddAlarm("Mine", metric, options)
	cdktest.RefusesToBuild(t,
		`Stack/Operations: AddAlarm("Mine") would be a second alarm of that name; choose another name`,
		func() { o.AddAlarm("Mine", metric, options) })
}

func TestOperations_EveryPropChangesTheTemplate(t *testing.T) {
	type props = operations.OperationsProps
	var other props
	cdktest.EveryPropMatters(t,
		func(stack awscdk.Stack) props {
			other = required(t, "Other")(stack)
			return required(t, "")(stack)
		},
		func(stack awscdk.Stack, p *props) { operations.NewOperations(stack, "Operations", p) },
		map[string]func(awscdk.Stack, *props){
			"Api":             func(_ awscdk.Stack, p *props) { p.Api = other.Api },
			"Processing":      func(_ awscdk.Stack, p *props) { p.Processing = other.Processing },
			"Tables":          func(_ awscdk.Stack, p *props) { p.Tables = other.Tables },
			"Key":             func(_ awscdk.Stack, p *props) { p.Key = other.Key },
			"AlarmEmails":     func(_ awscdk.Stack, p *props) { p.AlarmEmails = []string{"ada@example.com"} },
			"LatencyMax":      func(_ awscdk.Stack, p *props) { p.LatencyMax = time.Minute },
			"ServerErrorsMax": func(_ awscdk.Stack, p *props) { p.ServerErrorsMax = 1 },
			"ThrottlesMax":    func(_ awscdk.Stack, p *props) { p.ThrottlesMax = 1 },
			"LagMax":          func(_ awscdk.Stack, p *props) { p.LagMax = time.Second },
			"ReplicationMax":  func(_ awscdk.Stack, p *props) { p.ReplicationMax = time.Second },
			"CsvAgeMax":       func(_ awscdk.Stack, p *props) { p.CsvAgeMax = time.Second },
		})
}

func TestOperations_SaysWhatIsWrongWithItsProps(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", "eu-west-1")
	valid := required(t, "")(stack)
	cdktest.Refuses(t, valid,
		cdktest.Row("everything", everything, ""),
		cdktest.Row("rejects nothing at all", func(p *operations.OperationsProps) { *p = operations.OperationsProps{} },
			"Api is required; give apiservice.NewApiService\n"+
				"Processing is required; give processing.NewProcessing\n"+
				"Tables is required; give storage.NewGlobalTables or storage.ImportGlobalTables\n"+
				"Key is required; give the Key of storage.NewKey or storage.NewReplicaKey"),
		cdktest.Row("rejects what is no address, and one twice",
			func(p *operations.OperationsProps) {
				p.AlarmEmails = []string{"ada@example.com", "nobody", "Ada <ada@example.com>", "ada@example.com"}
			},
			"AlarmEmails[1] must be an e-mail address such as ops@example.com, got \"nobody\"\n"+
				"AlarmEmails[2] must be an e-mail address such as ops@example.com, got \"Ada <ada@example.com>\"\n"+
				"AlarmEmails[3] must be given once, got \"ada@example.com\" again"),
		cdktest.Row("an address that is known at deployment", func(p *operations.OperationsProps) {
			p.AlarmEmails = []string{*awscdk.NewCfnParameter(stack, jsii.String("Email"), nil).ValueAsString()}
		}, ""),
		cdktest.Row("rejects what is below 0", func(p *operations.OperationsProps) {
			p.LatencyMax, p.ServerErrorsMax, p.ThrottlesMax, p.LagMax, p.ReplicationMax, p.CsvAgeMax = -1, -2, -3, -4,
				-5, -time.Minute
		}, "LatencyMax must be above 0, got -1ns; leave it out for 1s\n"+
			"ServerErrorsMax must be above 0, got -2; leave it out for 10\n"+
			"ThrottlesMax must be above 0, got -3; leave it out for 100\n"+
			"LagMax must be above 0, got -4ns; leave it out for 1m\n"+
			"ReplicationMax must be above 0, got -5ns; leave it out for 30s\n"+
			"CsvAgeMax must be above 0, got -1m; leave it out for 1h"),
	)
	got := cdktest.Panic(t, func() { operations.NewOperations(stack, "Operations", nil) })
	if !strings.HasPrefix(got, "Stack/Operations: Api is required") {
		t.Errorf("got %q", got)
	}
}
