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
)

// Operations are the alarms and the dashboard of one region.
type Operations struct {
	constructs.Construct

	// Topic carries the alarms.
	Topic awssns.Topic
	// Alarms are the alarms by name.
	Alarms map[string]awscloudwatch.Alarm
	// Dashboard shows the region at a glance.
	Dashboard awscloudwatch.Dashboard
}

// NewOperations makes Operations.
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
	o.addTopic(p)
	all := rules(p)
	for _, r := range all {
		o.AddAlarm(r.name, r.metric, r.options())
	}
	// Before there are tasks, having none is no news.
	o.Alarms[noTasks].Node().AddDependency(p.Api.Service)
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

// AddAlarm adds an alarm on a metric, of this service or of another, to those that Topic carries.
func (o *Operations) AddAlarm(name string, metric awscloudwatch.IMetric, options *awscloudwatch.CreateAlarmOptions) awscloudwatch.Alarm {
	var with awscloudwatch.CreateAlarmOptions
	if options != nil {
		with = *options
	}
	alarm := awscloudwatch.NewAlarm(o, &name, &awscloudwatch.AlarmProps{
		Metric: metric, Threshold: with.Threshold, EvaluationPeriods: with.EvaluationPeriods, DatapointsToAlarm: with.DatapointsToAlarm,
		ComparisonOperator: with.ComparisonOperator, TreatMissingData: with.TreatMissingData, ActionsEnabled: with.ActionsEnabled,
		AlarmName: with.AlarmName, AlarmDescription: with.AlarmDescription, EvaluateLowSampleCountPercentile: with.EvaluateLowSampleCountPercentile,
	})
	action := awscloudwatchactions.NewSnsAction(o.Topic)
	alarm.AddAlarmAction(action)
	alarm.AddOkAction(action)
	o.Alarms[name] = alarm
	return alarm
}
