package operations

import (
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
}

const noTasks = "NoTasks"

// rules lists the alarms. Thresholds are in the units of the metrics: AWS measures the answers of load balancers and
// the age of messages in seconds, the age of stream records and replication in milliseconds.
func rules(p OperationsProps) []alarmRule {
	one, five, hour := period(1), period(5), period(60)
	return []alarmRule{
		{"ServerErrors", p.Api.MetricServerErrors(five), float64(p.ServerErrorsMax), 1,
			"The API answers with 500 or 503. Its log has the reasons under the request ids.", nil},
		{"Unanswered", p.Api.MetricUnanswered(five), float64(p.ServerErrorsMax), 1,
			"The load balancer answers with 502, 503 or 504 in place of tasks. See whether they end, are too few, " +
				"or take longer than a minute.", nil},
		{"Latency", p.Api.MetricLatency(five), p.LatencyMax.Seconds(), 2,
			"The API is slow. See whether the tables throttle, and whether the tasks are at their most.",
			ignoreFewSamples},
		{noTasks, p.Api.MetricHealthyTasks(one), 1, 5,
			"No task of the API serves. The service's events tell why none starts, and the log has a stream for each.",
			below},
		{"UnhealthyTasks", p.Api.MetricUnhealthyTasks(one), 0, 5,
			"Tasks of the API do not answer GET /healthz and are replaced. The log has a stream for each; see " +
				"whether they run out of memory or CPU.", nil},
		{"Throttles", p.Tables.MetricThrottledRequests(five), float64(p.ThrottlesMax), 2,
			"The tables refuse requests. CloudWatch's metrics of each table tell which; a hot key shows in its " +
				"contributor insights, once switched on.", nil},
		{"AggregationLag", p.Processing.MetricAggregationLag(one), milliseconds(p.LagMax), 5,
			"Aggregates lag behind the readings. The aggregator's log tells of throttling or of records that fail.",
			nil},
		{"Replication", p.Tables.MetricReplicationLatencyMax(one), milliseconds(p.ReplicationMax), 5,
			"Readings take long to reach another region. Each region goes on by itself; AWS's health dashboard " +
				"tells of the cause.", nil},
		{"StreamFailures", p.Processing.MetricStreamFailures(five), 0, 1,
			"A change could not be aggregated. The repairer restates its row, and its log names the change; the " +
				"aggregator's log has the reason.", nil},
		{"StreamDeadLetters", p.Processing.MetricStreamDeadLetters(one), 0, 1,
			"Rows could not be repaired. The message among the stream's dead letters names them and the reason; the " +
				"command aggregates repairs an equipment, a range of hours or everything.", nil},
		{"AggregateDifferences", p.Processing.MetricDifferences(hour), 0, 1,
			"Aggregates are not what the readings give. The auditor's log names them; see how many more there are by " +
				"the command aggregates, which also repairs them.", nil},
		{"AuditErrors", p.Processing.MetricAuditErrors(hour), 0, 2,
			"Aggregates could not be compared with the readings twice in a row. The auditor's log has the reason.",
			nil},
		{"DeadLetters", p.Processing.MetricDeadLetters(one), 0, 1,
			"A part of a CSV file could not be processed and was put aside among the dead letters.", nil},
		{"CsvAge", p.Processing.MetricCsvAge(one), p.CsvAgeMax.Seconds(), 5,
			"Parts of CSV files have been waiting for long. See whether the function fails or the readings table " +
				"throttles.", nil},
	}
}

func (r alarmRule) options() *awscloudwatch.CreateAlarmOptions {
	options := &awscloudwatch.CreateAlarmOptions{
		Threshold: &r.above, EvaluationPeriods: jsii.Number(r.periods), AlarmDescription: &r.description,
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
