package operations_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
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
	p.Alarms = operations.Alarms{
		ServerErrors:   operations.CountAlarm{Max: new(3)},
		Unanswered:     operations.CountAlarm{Max: new(0)},
		Latency:        operations.DurationAlarm{Max: 250 * time.Millisecond},
		UnhealthyTasks: operations.CountAlarm{Max: new(1)},
		Throttles:      operations.CountAlarm{Max: new(7)},
		AggregationLag: operations.DurationAlarm{Max: 90 * time.Second},
		Replication:    operations.DurationAlarm{Max: 5 * time.Second},
		StreamFailures: operations.CountAlarm{Max: new(2)}, StreamDeadLetters: operations.CountAlarm{Max: new(4)},
		AggregateDifferences: operations.CountAlarm{Max: new(5)}, AuditErrors: operations.CountAlarm{Max: new(6)},
		DeadLetters: operations.CountAlarm{Max: new(8)},
		CsvAge:      operations.DurationAlarm{Max: 2 * time.Hour},
	}
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
		{"Unanswered", "HTTPCode_ELB_5XX_Count", 300, 1, above, missingIsFine, 10, 0},
		{"Latency", "TargetResponseTime", 300, 2, above, missingIsFine, 1, 0.25}, // seconds
		{"NoTasks", "MAX([FILL(ofHealthyHostCount, 0)", 60, 5, under, missingIsWrong, 1, 1},
		{"UnhealthyTasks", "MAX([FILL(ofUnHealthyHostCount, 0)", 60, 5, above, missingIsFine, 0, 1},
		{"Throttles", "FILL(readingsRead, 0) + FILL(readingsWrite, 0)", 300, 2, above, missingIsFine, 100, 7},
		{"AggregationLag", "IteratorAge", 60, 5, above, missingIsFine, 60_000, 90_000}, // milliseconds
		{"Replication", "SELECT MAX(ReplicationLatency)", 60, 5, above, missingIsFine, 30_000, 5_000},
		{"StreamFailures", "NumberOfMessagesSent", 300, 1, above, missingIsFine, 0, 2},
		{"StreamDeadLetters", "ApproximateNumberOfMessagesVisible", 60, 1, above, missingIsFine, 0, 4},
		{"AggregateDifferences", "AggregateDifferences", 3600, 1, above, missingIsFine, 0, 5},
		{"AuditErrors", "Errors", 3600, 2, above, missingIsFine, 0, 6},
		{"DeadLetters", "ApproximateNumberOfMessagesVisible", 60, 1, above, missingIsFine, 0, 8},
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
			"Api":         func(_ awscdk.Stack, p *props) { p.Api = other.Api },
			"Processing":  func(_ awscdk.Stack, p *props) { p.Processing = other.Processing },
			"Tables":      func(_ awscdk.Stack, p *props) { p.Tables = other.Tables },
			"Key":         func(_ awscdk.Stack, p *props) { p.Key = other.Key },
			"AlarmEmails": func(_ awscdk.Stack, p *props) { p.AlarmEmails = []string{"ada@example.com"} },
			"Alarms":      func(_ awscdk.Stack, p *props) { p.Alarms.NoTasks.Periods = 3 },
		})
}

// each goes over the fields of Alarms, with the name of each alarm.
func each(a *operations.Alarms, change func(name string, alarm reflect.Value)) {
	all := reflect.ValueOf(a).Elem()
	for i := range all.NumField() {
		change(all.Type().Field(i).Name, all.Field(i))
	}
}

// TestOperations_SwitchesEachAlarmOff leaves all but one out in turn of two halves, and all of them at last.
func TestOperations_SwitchesEachAlarmOff(t *testing.T) {
	count := 0
	for parity := range 3 { // the even ones, the odd ones, all
		off := map[string]bool{}
		template := synth(t, func(p *operations.OperationsProps) {
			n := 0
			each(&p.Alarms, func(name string, alarm reflect.Value) {
				n++
				off[name] = parity == 2 || n%2 == parity
				alarm.FieldByName("Disabled").SetBool(off[name])
			})
		}).Template(t, "Stack")
		dashboard := cdktest.JSON(t, template.Only(t, "AWS::CloudWatch::Dashboard").Body)
		for name, off := range off {
			there := slices.ContainsFunc(template.All("AWS::CloudWatch::Alarm"), func(r cdktest.Resource) bool {
				return strings.HasPrefix(r.ID, "Operations"+name) && len(r.ID) == len("Operations"+name)+8
			})
			if there == off || strings.Contains(dashboard, `"Operations`+name) == off {
				t.Errorf("%s is switched off: %v, and there: %v", name, off, there)
			}
			count++
		}
		if parity == 2 && strings.Contains(dashboard, `\"alarm\"`) {
			t.Error("the dashboard has a list of no alarms")
		}
	}
	if count < 3*14 {
		t.Errorf("only %d alarms were looked at", count)
	}
}

// TestOperations_ChangesEachAlarmAndSendsItElsewhere gives each alarm periods and a place of its own.
func TestOperations_ChangesEachAlarmAndSendsItElsewhere(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	props := required(t, "")(stack)
	topic := awssns.NewTopic(stack, jsii.String("Pager"), nil)
	periods := map[string]int{}
	each(&props.Alarms, func(name string, alarm reflect.Value) {
		periods[name] = 7 + len(periods)
		alarm.FieldByName("Periods").SetInt(int64(periods[name]))
		actions := []awscloudwatch.IAlarmAction{awscloudwatchactions.NewSnsAction(topic)}
		alarm.FieldByName("Actions").Set(reflect.ValueOf(actions))
	})
	operations.NewOperations(stack, "Operations", &props)
	template := cdktest.Synth(t, app).Template(t, "Stack")
	pager := []any{map[string]any{"Ref": template.Find(t, "AWS::SNS::Topic", "Pager").ID}}
	for name, periods := range periods {
		alarm := template.Find(t, "AWS::CloudWatch::Alarm", "Operations"+name)
		alarm.Want(t, periods, "EvaluationPeriods")
		alarm.Want(t, pager, "AlarmActions")
		alarm.Want(t, pager, "OKActions")
	}
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
		cdktest.Row("rejects what no alarm can have", func(p *operations.OperationsProps) {
			p.Alarms.ServerErrors.Max, p.Alarms.Latency.Max = new(-1), -time.Minute
			p.Alarms.CsvAge.Max = time.Microsecond
			p.Alarms.NoTasks.Periods, p.Alarms.Throttles.Periods = -1, 25
		}, "Alarms.ServerErrors.Max must be 0 or more, got -1; leave it out for that of the alarm\n"+
			"Alarms.Latency.Max must be at least 1ms, got -1m; leave it out for that of the alarm\n"+
			"Alarms.NoTasks.Periods must be 1 to 24, got -1; leave it out for that of the alarm\n"+
			"Alarms.Throttles.Periods must be 1 to 24, got 25; leave it out for that of the alarm\n"+
			"Alarms.CsvAge.Max must be at least 1ms, got 1µs; leave it out for that of the alarm"),
		cdktest.Row("the least and the most", func(p *operations.OperationsProps) {
			p.Alarms.ServerErrors.Max, p.Alarms.Latency.Max = new(0), time.Millisecond
			p.Alarms.NoTasks.Periods, p.Alarms.Throttles.Periods = 1, 24
		}, ""),
	)
	got := cdktest.Panic(t, func() { operations.NewOperations(stack, "Operations", nil) })
	if !strings.HasPrefix(got, "Stack/Operations: Api is required") {
		t.Errorf("got %q", got)
	}
}
