package processing

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/statement"
	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	// RepairTimeout is the longest that Lambda allows. What it is too short for goes on in another invocation; Lambda's
	// detection of loops ends that after some hours, and the message is among the dead letters then.
	RepairTimeout = 15 * time.Minute
	// RepairVisibilityTimeout lets a message come back soon after an invocation that failed.
	RepairVisibilityTimeout = RepairTimeout + time.Minute
	// RepairConcurrency is how many messages are worked off at once, the least that Lambda takes.
	RepairConcurrency = 2
	// RepairMemoryMiB buys a third of a virtual CPU, enough to add up what a partition of the readings gives.
	RepairMemoryMiB = 512

	// AuditEvery is how often a sample of the aggregates is compared with the readings: some 5,000 rows a day.
	AuditEvery = time.Hour
	// AuditTimeout leaves time for second looks at what differs.
	AuditTimeout = 15 * time.Minute
)

func (c *Processing) addRepairQueues(p ProcessingProps) {
	c.StreamDeadLetters = c.newQueue("StreamDeadLetters", p, &awssqs.QueueProps{
		RetentionPeriod: duration(failureRetention),
	})
	c.StreamFailures = c.newQueue("StreamFailures", p, &awssqs.QueueProps{
		RetentionPeriod: duration(failureRetention), VisibilityTimeout: duration(RepairVisibilityTimeout),
		DeadLetterQueue: &awssqs.DeadLetterQueue{
			// The repairer puts a message aside by itself, with the reason, unless it never answers.
			Queue: c.StreamDeadLetters, MaxReceiveCount: jsii.Number(contract.StreamFailureReceivesMax + 1),
		},
	})
}

// addRepairer makes the function that restates the rows of what the stream has given up.
func (c *Processing) addRepairer(p ProcessingProps) {
	permissions := c.newPermissions("Repairer", p)
	p.Tables.GrantReadStream(permissions)
	p.Tables.GrantUpdateAggregates(permissions)
	permissions.AddStatements(
		statement.Allow(c.StreamFailures.QueueArn(), "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
			"sqs:SendMessage"),
		statement.Allow(c.StreamDeadLetters.QueueArn(), "sqs:SendMessage"),
		allowKey(c, p.Key, "sqs", "kms:Decrypt", "kms:GenerateDataKey"),
	)
	own := ofAggregates(p)
	own[contract.EnvStreamFailuresURL] = c.StreamFailures.QueueUrl()
	own[contract.EnvStreamDeadLettersURL] = c.StreamDeadLetters.QueueUrl()
	c.Repairer = c.newFunction("Repairer", p, permissions, &awslambda.FunctionProps{
		Description: jsii.String("Restates the aggregates of what the stream has given up"),
		Code:        p.RepairerCode,
		MemorySize:  jsii.Number(RepairMemoryMiB),
		Timeout:     duration(RepairTimeout),
		Environment: environment(p, own),
	})
	explainSource(c.Repairer)
	awslambda.NewEventSourceMapping(c, jsii.String("RepairerSource"), &awslambda.EventSourceMappingProps{
		Target: c.Repairer, EventSourceArn: c.StreamFailures.QueueArn(),
		// A message can be minutes of work: two of them in one invocation would share its time.
		BatchSize:               jsii.Number(1),
		ReportBatchItemFailures: jsii.Bool(true),
		MaxConcurrency:          jsii.Number(RepairConcurrency),
	})
}

// scheduleAudits invokes the auditor. The CDK's own target of a rule would put the path of the stack into the id of the
// permission, which must be the same below a Stage.
func (c *Processing) scheduleAudits() {
	awscdk.Annotations_Of(c.Auditor).AcknowledgeWarning(
		jsii.String("@aws-cdk/aws-lambda:addPermissionsToVersionOrAlias"),
		jsii.String("the schedule invokes the function itself; its versions are kept for rollbacks, and nobody "+
			"invokes one"))
	schedule := awsevents.NewCfnRule(c, jsii.String("AuditSchedule"), &awsevents.CfnRuleProps{
		Description:        jsii.String("Compares a sample of the aggregates with the readings"),
		ScheduleExpression: awsevents.Schedule_Rate(duration(AuditEvery)).ExpressionString(),
		State:              jsii.String("ENABLED"),
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Id: jsii.String("Auditor"), Arn: c.Auditor.FunctionArn(),
			RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{MaximumRetryAttempts: jsii.Number(0)},
		}},
	})
	c.Auditor.AddPermission(jsii.String("AuditSchedule"), &awslambda.Permission{
		Principal: awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil), SourceArn: schedule.AttrArn(),
	})
}

// addAuditor makes the function that compares a sample of the aggregates with the readings, its schedule and its
// metric.
func (c *Processing) addAuditor(p ProcessingProps) {
	permissions := c.newPermissions("Auditor", p)
	p.Tables.GrantAuditAggregates(permissions)
	c.Auditor = c.newFunction("Auditor", p, permissions, &awslambda.FunctionProps{
		Description: jsii.String("Compares a sample of the aggregates with the readings"),
		Code:        p.AuditorCode,
		MemorySize:  jsii.Number(RepairMemoryMiB),
		Timeout:     duration(AuditTimeout),
		Environment: environment(p, ofAggregates(p)),
		// The next one comes by itself.
		RetryAttempts: jsii.Number(0),
	})
	const (
		again = "an audit that fails writes nothing and loses nothing; it has an alarm, and the next one comes by " +
			"the schedule"
		once = "the schedule invokes the function once an hour, longer than it can run; reserving a concurrency " +
			"would take it from the account's other functions"
	)
	nag.Explain(c.Auditor, again, "LambdaDLQ")
	nag.Explain(c.Auditor, once, "LambdaConcurrency")
	c.scheduleAudits()
	// The path keeps apart what two of them in one account and region measure.
	c.differences = &awscloudwatch.MetricProps{
		Namespace: jsii.String("SensorFlow/" + *c.Node().Path()), MetricName: jsii.String("AggregateDifferences"),
		Statistic: jsii.String("Maximum"),
	}
	awslogs.NewMetricFilter(c, jsii.String("AuditDifferences"), &awslogs.MetricFilterProps{
		LogGroup: c.Auditor.LogGroup(), MetricNamespace: c.differences.Namespace, MetricName: c.differences.MetricName,
		FilterPattern: awslogs.FilterPattern_Literal(jsii.String(
			`{ ($.msg = "` + contract.AuditMessage + `") && ($.` + contract.AuditDifferent + ` = *) }`)),
		MetricValue: jsii.String("$." + contract.AuditDifferent),
	})
}
