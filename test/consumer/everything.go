package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/operations"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
)

// everything sets each prop that a deployment of its own parts can have.
func everything(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("Everything"), &awscdk.StackProps{Env: in("eu-west-1")})
	flow := sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{
		Retention: 90 * 24 * time.Hour,
		Domain: &apiservice.Domain{
			Name: "api.example.com",
			HostedZone: awsroute53.HostedZone_FromHostedZoneAttributes(stack, jsii.String("Zone"),
				&awsroute53.HostedZoneAttributes{
					HostedZoneId: jsii.String("Z0123456789ABCDEFGHIJ"), ZoneName: jsii.String("example.com"),
				}),
		},
		AllowedOrigins: []string{"https://console.example.com"},
		RequestLimit:   20_000,
		VpcCidr:        "10.20.0.0/16",
		Zones:          2,
		NatGateways:    2,
		TasksMin:       2, TasksMax: 40,
		TaskCpu: 1024, TaskMemoryMiB: 2048, SpotPercent: 50, CpuTargetPercent: 50, RequestsPerTask: 20_000,
		Deployment:        apiservice.Linear,
		CsvConcurrency:    8,
		StreamLanes:       2,
		AggregationWindow: 2 * time.Second,
		FirewallLog:       apiservice.FirewallLogAll,
		Adopted:           []string{"us-west-2"},
		MachineClients:    []identity.MachineClient{{Name: "gateways", TokenLifetime: 12 * time.Hour}},
		Mfa:               identity.MfaOptional,
		AlarmEmails:       []string{"on-call@example.com"},
		Alarms: operations.Alarms{
			Latency: operations.DurationAlarm{Max: 300 * time.Millisecond, Periods: 3},
			NoTasks: operations.StateAlarm{Actions: pager(stack)},
			CsvAge:  operations.DurationAlarm{Disabled: true}, // files come in at night and may wait
		},
		IndexShards: 32, FleetBuckets: 32,
		LogRetention: awslogs.RetentionDays_THREE_MONTHS,
		Leaving:      true,
		Disposable:   true,
	})
	report(stack, flow)
	raw(flow)
}

// pager is where a person is woken.
func pager(stack awscdk.Stack) []awscloudwatch.IAlarmAction {
	topic := awssns.Topic_FromTopicArn(stack, jsii.String("Pager"),
		jsii.String("arn:aws:sns:eu-west-1:"+account+":pager"))
	return []awscloudwatch.IAlarmAction{awscloudwatchactions.NewSnsAction(topic)}
}

// report is a job with a role of the team's own. It reads the tables, sends what it finds as readings through the API,
// and has an alarm for stale data.
func report(stack awscdk.Stack, flow *sensorflow.SensorFlow) {
	role := awsiam.NewRole(stack, jsii.String("Report"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("glue.amazonaws.com"), nil),
	})
	flow.GrantReadTables(role)
	flow.GrantMachineCredentials("gateways", role)
	flow.Operations.AddAlarm("Stale", flow.MetricAggregationLag(nil), &awscloudwatch.CreateAlarmOptions{
		Threshold:         jsii.Number(30_000), // milliseconds
		EvaluationPeriods: jsii.Number(3),
	})
}

// raw sets a property of a part's resource for which there is no prop.
func raw(flow *sensorflow.SensorFlow) {
	bucket := flow.Uploads.Bucket.Node().DefaultChild().(awss3.CfnBucket)
	bucket.AddPropertyOverride(jsii.String("AccelerateConfiguration.AccelerationStatus"), "Enabled")
}
