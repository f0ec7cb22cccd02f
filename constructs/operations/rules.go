package operations

import (
	"cmp"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// alarmRule is one alarm: its metric, the value above which it goes off, in how many periods of the metric, and what a
// person should do.
type alarmRule struct {
	name        string
	metric      awscloudwatch.IMetric
	above       float64
	periods     int
	description string
	change      func(*awscloudwatch.CreateAlarmOptions) // of what is not as usual
	chosen      options
}

const noTasks = "NoTasks"

// rules lists the alarms that are wanted, with what is chosen for each. Thresholds are in the units of the metrics: AWS
// measures the answers of load balancers and the age of messages in seconds, the age of stream records and replication
// in milliseconds.
func rules(p OperationsProps) []alarmRule {
	one, five, hour := period(1), period(5), period(60)
	a := p.Alarms
	all := []alarmRule{
		{"ServerErrors", p.Api.MetricServerErrors(five), a.ServerErrors.max(ServerErrorsMaxDefault), 1,
			"The API answers with 500 or 503. Its log has the reasons under the request ids.", nil, a.ServerErrors.options()},
		{"Unanswered", p.Api.MetricUnanswered(five), a.Unanswered.max(ServerErrorsMaxDefault), 1,
			"The load balancer answers with 502, 503 or 504 in place of tasks. See whether they end, are too few, " +
				"or take longer than a minute.", nil, a.Unanswered.options()},
		{"Latency", p.Api.MetricLatency(five), a.Latency.max(LatencyMaxDefault).Seconds(), 2,
			"The API is slow. See whether the tables throttle, and whether the tasks are at their most.",
			ignoreFewSamples, a.Latency.options()},
		{noTasks, p.Api.MetricHealthyTasks(one), 1, 5,
			"No task of the API serves. The service's events tell why none starts, and the log has a stream for each.",
			below, a.NoTasks.options()},
		{"UnhealthyTasks", p.Api.MetricUnhealthyTasks(one), a.UnhealthyTasks.max(0), 5,
			"Tasks of the API do not answer GET /healthz and are replaced. The log has a stream for each; see " +
				"whether they run out of memory or CPU.", nil, a.UnhealthyTasks.options()},
		{"Throttles", p.Tables.MetricThrottledRequests(five), a.Throttles.max(ThrottlesMaxDefault), 2,
			"The tables refuse requests. CloudWatch's metrics of each table tell which; a hot key shows in its " +
				"contributor insights, once switched on.", nil, a.Throttles.options()},
		{"AggregationLag", p.Processing.MetricAggregationLag(one), milliseconds(a.AggregationLag.max(LagMaxDefault)), 5,
			"Aggregates lag behind the readings. The aggregator's log tells of throttling or of records that fail.",
			nil, a.AggregationLag.options()},
		{"Replication", p.Tables.MetricReplicationLatencyMax(one), milliseconds(a.Replication.max(ReplicationMaxDefault)), 5,
			"Readings take long to reach another region. Each region goes on by itself; AWS's health dashboard " +
				"tells of the cause.", nil, a.Replication.options()},
		{"StreamFailures", p.Processing.MetricStreamFailures(five), a.StreamFailures.max(0), 1,
			"A change could not be aggregated. The repairer restates its row, and its log names the change; the " +
				"aggregator's log has the reason.", nil, a.StreamFailures.options()},
		{"StreamDeadLetters", p.Processing.MetricStreamDeadLetters(one), a.StreamDeadLetters.max(0), 1,
			"Rows could not be repaired. The message among the stream's dead letters names them and the reason; the " +
				"command aggregates repairs an equipment, a range of hours or everything.", nil, a.StreamDeadLetters.options()},
		{"AggregateDifferences", p.Processing.MetricDifferences(hour), a.AggregateDifferences.max(0), 1,
			"Aggregates are not what the readings give. The auditor's log names them; see how many more there are by " +
				"the command aggregates, which also repairs them.", nil, a.AggregateDifferences.options()},
		{"AuditErrors", p.Processing.MetricAuditErrors(hour), a.AuditErrors.max(0), 2,
			"Aggregates could not be compared with the readings twice in a row. The auditor's log has the reason.",
			nil, a.AuditErrors.options()},
		{"DeadLetters", p.Processing.MetricDeadLetters(one), a.DeadLetters.max(0), 1,
			"A part of a CSV file could not be processed and was put aside among the dead letters.",
			nil, a.DeadLetters.options()},
		{"CsvAge", p.Processing.MetricCsvAge(one), a.CsvAge.max(CsvAgeMaxDefault).Seconds(), 5,
			"Parts of CSV files have been waiting for long. See whether the function fails or the readings table " +
				"throttles.", nil, a.CsvAge.options()},
	}
	return slices.DeleteFunc(all, func(r alarmRule) bool { return r.chosen.disabled })
}

func (r alarmRule) options() *awscloudwatch.CreateAlarmOptions {
	options := &awscloudwatch.CreateAlarmOptions{
		Threshold: &r.above, EvaluationPeriods: jsii.Number(cmp.Or(r.chosen.periods, r.periods)),
		AlarmDescription:   &r.description,
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	}
	if r.change != nil {
		r.change(options)
	}
	return options
}

// below makes an alarm that goes off below its threshold, and where nothing is measured.
func below(o *awscloudwatch.CreateAlarmOptions) {
	o.ComparisonOperator = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
	o.TreatMissingData = awscloudwatch.TreatMissingData_BREACHING
}

// ignoreFewSamples is for percentiles. The 99th percentile of a few answers is just the slowest of them.
func ignoreFewSamples(o *awscloudwatch.CreateAlarmOptions) {
	o.EvaluateLowSampleCountPercentile = jsii.String("ignore")
}

func period(minutes int) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(minutes))}
}

func milliseconds(d time.Duration) float64 { return float64(d.Milliseconds()) }
