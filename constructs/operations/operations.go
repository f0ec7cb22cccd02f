package operations

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Operations are the alarms and the dashboard of one region.
type Operations struct {
	constructs.Construct

	// Topic sends the alarms.
	Topic awssns.Topic
	// Alarms are the alarms by name; those that are switched off are not among them.
	Alarms map[string]awscloudwatch.Alarm
	// Dashboard shows how the region is doing.
	Dashboard awscloudwatch.Dashboard
}

// NewOperations makes Operations.
func NewOperations(scope constructs.Construct, id string, props *OperationsProps) *Operations {
	refuse.OutsideStack(scope, id)
	p := prop.OrZero(props)
	refuse.If(scope, id, p.Validate())
	o := &Operations{Alarms: map[string]awscloudwatch.Alarm{}}
	constructs.NewConstruct_Override(o, scope, &id)
	o.addTopic(p)
	all := rules(p)
	for _, r := range all {
		o.addAlarm(r.name, r.metric, r.options(), r.chosen.actions)
	}
	if alarm := o.Alarms[noTasks]; alarm != nil {
		// Without the dependency, this alarm would go off while the stack is made, before there are any tasks.
		alarm.Node().AddDependency(p.Api.Service)
	}
	o.addDashboard(p, all)
	return o
}

func (o *Operations) addTopic(p OperationsProps) {
	o.Topic = awssns.NewTopic(o, jsii.String("Topic"), &awssns.TopicProps{
		DisplayName: jsii.String("SensorFlow alarms"), MasterKey: p.Key, EnforceSSL: jsii.Bool(true),
	})
	o.Topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("Alarms"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"), Resources: &[]*string{o.Topic.TopicArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(o).Account()}},
	}))
	for _, email := range p.AlarmEmails {
		o.Topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&email, nil))
	}
}

// AddAlarm adds an alarm on a metric, of this service or of another. Topic sends it like the others. The options need
// Threshold and EvaluationPeriods. It panics where something is missing, and where there is an alarm of that name.
func (o *Operations) AddAlarm(
	name string, metric awscloudwatch.IMetric, options *awscloudwatch.CreateAlarmOptions,
) awscloudwatch.Alarm {
	with := prop.OrZero(options)
	refuse.By(o, o.alarmFaults(name, metric, with).Err())
	return o.addAlarm(name, metric, &with, nil)
}

// addAlarm makes an alarm. Without actions, the topic is told.
func (o *Operations) addAlarm(
	name string, metric awscloudwatch.IMetric, with *awscloudwatch.CreateAlarmOptions,
	actions []awscloudwatch.IAlarmAction,
) awscloudwatch.Alarm {
	alarm := awscloudwatch.NewAlarm(o, &name, &awscloudwatch.AlarmProps{
		Metric:                           metric,
		Threshold:                        with.Threshold,
		EvaluationPeriods:                with.EvaluationPeriods,
		DatapointsToAlarm:                with.DatapointsToAlarm,
		ComparisonOperator:               with.ComparisonOperator,
		TreatMissingData:                 with.TreatMissingData,
		ActionsEnabled:                   with.ActionsEnabled,
		AlarmName:                        with.AlarmName,
		AlarmDescription:                 with.AlarmDescription,
		EvaluateLowSampleCountPercentile: with.EvaluateLowSampleCountPercentile,
	})
	if len(actions) == 0 {
		actions = []awscloudwatch.IAlarmAction{awscloudwatchactions.NewSnsAction(o.Topic)}
	}
	alarm.AddAlarmAction(actions...)
	alarm.AddOkAction(actions...)
	o.Alarms[name] = alarm
	return alarm
}

// alarmFaults are the faults for which the CDK would end in a trace of JavaScript.
func (o *Operations) alarmFaults(
	name string, metric awscloudwatch.IMetric, with awscloudwatch.CreateAlarmOptions,
) rule.Faults {
	field := fmt.Sprintf("AddAlarm(%q)", name)
	return rule.All(
		prop.Required(field+": name", name == "", "one that tells the alarm from others"),
		rule.Fault{
			Field: field, Rule: "would be a second alarm of that name", Advice: "choose another name",
		}.If(o.Alarms[name] != nil),
		prop.Required(field+": metric", metric == nil, "what a method such as MetricRequests returns"),
		prop.Required(field+": options.Threshold", with.Threshold == nil, "the value from which on the alarm goes off"),
		prop.Required(field+": options.EvaluationPeriods", with.EvaluationPeriods == nil,
			"the number of periods that decide"),
	)
}
