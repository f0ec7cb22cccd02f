package operations

import (
	"errors"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

// Defaults of OperationsProps.
const (
	LatencyMaxDefault      = 1.0     // seconds, the 99th percentile
	ServerErrorsMaxDefault = 10      // in five minutes
	LagMaxDefault          = 60_000  // milliseconds
	CsvAgeMaxDefault       = 900_000 // milliseconds
)

// OperationsProps configure Operations. The zero value of an optional field selects its default.
type OperationsProps struct { //nolint:revive // the name that the CDK's users look for
	// Api, Processing and Tables are what is watched. Required.
	Api        *apiservice.ApiService
	Processing *processing.Processing
	Tables     *storage.GlobalTables
	// Key encrypts the messages of the alarms. Required.
	Key awskms.IKey
	// AlarmEmails receive the alarms. Default: nobody.
	AlarmEmails []string
	// LatencyMax is how long the API's 99th percentile may be, in seconds, ServerErrorsMax how many answers of 500 and above there
	// may be in five minutes, LagMaxMillis how far the aggregates may lag behind the readings and CsvAgeMaxMillis how long a part
	// of a CSV file may wait. Defaults: LatencyMaxDefault, ServerErrorsMaxDefault, LagMaxDefault, CsvAgeMaxDefault.
	LatencyMax                                     float64
	ServerErrorsMax, LagMaxMillis, CsvAgeMaxMillis int
}

// Validate reports everything that is wrong with the props.
func (p OperationsProps) Validate() error {
	var errs []error
	for field, missing := range map[string]bool{"Api": p.Api == nil, "Processing": p.Processing == nil, "Tables": p.Tables == nil, "Key": p.Key == nil} {
		if missing {
			errs = append(errs, fmt.Errorf("%s is required", field))
		}
	}
	if p.LatencyMax < 0 || p.ServerErrorsMax < 0 || p.LagMaxMillis < 0 || p.CsvAgeMaxMillis < 0 {
		errs = append(errs, errors.New("LatencyMax, ServerErrorsMax, LagMaxMillis and CsvAgeMaxMillis must be above 0"))
	}
	return errors.Join(errs...)
}

func (p OperationsProps) withDefaults() OperationsProps {
	if p.LatencyMax == 0 {
		p.LatencyMax = LatencyMaxDefault
	}
	for field, fallback := range map[*int]int{
		&p.ServerErrorsMax: ServerErrorsMaxDefault, &p.LagMaxMillis: LagMaxDefault, &p.CsvAgeMaxMillis: CsvAgeMaxDefault,
	} {
		if *field == 0 {
			*field = fallback
		}
	}
	return p
}

// Operations are the alarms and the dashboard of one region.
type Operations struct { //nolint:revive // the name that the CDK's users look for
	constructs.Construct

	// Topic carries the alarms.
	Topic awssns.Topic
	// Alarms are the alarms by name.
	Alarms map[string]awscloudwatch.Alarm
	// Dashboard shows the region at a glance.
	Dashboard awscloudwatch.Dashboard
}

// NewOperations adds alarms and dashboard to scope. It panics when the props are wrong.
func NewOperations(scope constructs.Construct, id string, props *OperationsProps) *Operations {
	var p OperationsProps
	if props != nil {
		p = *props
	}
	if err := p.Validate(); err != nil {
		panic(fmt.Errorf("%s/%s: %w", *scope.Node().Path(), id, err))
	}
	p = p.withDefaults()
	o := &Operations{Alarms: map[string]awscloudwatch.Alarm{}}
	constructs.NewConstruct_Override(o, scope, &id)
	o.Topic = awssns.NewTopic(o, jsii.String("Topic"), &awssns.TopicProps{
		DisplayName: jsii.String("SensorFlow alarms"), MasterKey: p.Key, EnforceSSL: jsii.Bool(true),
	})
	o.Topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"), Resources: &[]*string{o.Topic.TopicArn()},
		Conditions: &map[string]interface{}{"StringEquals": map[string]interface{}{"aws:SourceAccount": awscdk.Stack_Of(o).Account()}},
	}))
	for _, email := range p.AlarmEmails {
		o.Topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&email, nil))
	}
	for _, r := range rules(p) {
		o.AddAlarm(r.name, r.metric, &awscloudwatch.CreateAlarmOptions{
			Threshold: &r.above, EvaluationPeriods: jsii.Number(r.periods), AlarmDescription: &r.description,
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
		})
	}
	o.addDashboard(p)
	return o
}

// rule is one alarm: what is measured, from where on it is wrong, for how many minutes, and what a person should do.
type rule struct {
	name        string
	metric      awscloudwatch.Metric
	above       float64
	periods     int
	description string
}

func rules(p OperationsProps) []rule {
	five := &awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(5))}
	return []rule{
		{"ServerErrors", p.Api.MetricServerErrors(five), float64(p.ServerErrorsMax), 1, "The API answers with 500 or 503. Its log has the reasons under the request ids."},
		{"Latency", p.Api.MetricLatency(five), p.LatencyMax, 2, "The API is slow. See whether the tables throttle, and whether the tasks are at their most."},
		{"UnhealthyTasks", p.Api.MetricUnhealthyTasks(nil), 0, 5, "Tasks of the API are not ready to serve. Their answer to GET /readyz names the check that fails."},
		{"AggregationLag", p.Processing.MetricAggregationLag(nil), float64(p.LagMaxMillis), 5, "Aggregates lag behind the readings. The aggregator's log tells of throttling or of records that fail."},
		{"StreamFailures", p.Processing.MetricStreamFailures(nil), 0, 1, "A change could not be aggregated and was put aside. The queue of stream failures names its place in the stream."},
		{"DeadLetters", p.Processing.MetricDeadLetters(nil), 0, 1, "A part of a CSV file could not be processed and was put aside among the dead letters."},
		{"CsvAge", p.Processing.MetricCsvAge(nil), float64(p.CsvAgeMaxMillis) / 1000, 2, "Parts of CSV files have been waiting for long. See whether the function fails or the readings table throttles."},
	}
}

// AddAlarm adds an alarm on a metric, of this service or of another, to those that Topic carries.
func (o *Operations) AddAlarm(name string, metric awscloudwatch.Metric, options *awscloudwatch.CreateAlarmOptions) awscloudwatch.Alarm {
	alarm := metric.CreateAlarm(o, &name, options)
	action := awscloudwatchactions.NewSnsAction(o.Topic)
	alarm.AddAlarmAction(action)
	alarm.AddOkAction(action)
	o.Alarms[name] = alarm
	return alarm
}

func (o *Operations) addDashboard(p OperationsProps) {
	graph := func(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: &title, Left: &metrics, Width: jsii.Number(8)})
	}
	alarms := []awscloudwatch.IAlarm{}
	for _, r := range rules(p) {
		alarms = append(alarms, o.Alarms[r.name])
	}
	o.Dashboard = awscloudwatch.NewDashboard(o, jsii.String("Dashboard"), nil)
	o.Dashboard.AddWidgets(awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
		Title: jsii.String("Alarms"), Alarms: &alarms, Width: jsii.Number(24),
	}))
	o.Dashboard.AddWidgets(
		graph("Requests", p.Api.MetricRequests(nil), p.Api.MetricServerErrors(nil)),
		graph("Latency (p99, s)", p.Api.MetricLatency(nil)),
		graph("Tasks", p.Api.MetricHealthyTasks(nil), p.Api.MetricUnhealthyTasks(nil)),
	)
	o.Dashboard.AddWidgets(
		graph("CPU (%)", p.Api.MetricCpu(nil)),
		graph("Aggregation lag (ms)", p.Processing.MetricAggregationLag(nil)),
		graph("CSV", p.Processing.MetricCsvBacklog(nil), p.Processing.MetricDeadLetters(nil), p.Processing.MetricStreamFailures(nil)),
	)
}
