package operations

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// The dashboard has rows of three graphs; a row is 24 units wide.
const (
	rowWidth   = 24
	graphWidth = rowWidth / 3
)

func (o *Operations) addDashboard(p OperationsProps, all []alarmRule) {
	graph := func(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
			Title: &title, Left: &metrics, Width: jsii.Number(graphWidth),
		})
	}
	alarms := make([]interfacesawscloudwatch.IAlarmRef, len(all))
	for i, r := range all {
		alarms[i] = o.Alarms[r.name]
	}
	one := period(1)
	o.Dashboard = awscloudwatch.NewDashboard(o, jsii.String("Dashboard"), nil)
	if len(alarms) > 0 {
		o.Dashboard.AddWidgets(awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
			Title: jsii.String("Alarms"), Alarms: &alarms, Width: jsii.Number(rowWidth),
		}))
	}
	o.Dashboard.AddWidgets(
		graph("Requests", p.Api.MetricRequests(one), p.Api.MetricServerErrors(one), p.Api.MetricUnanswered(one),
			p.Api.MetricBlockedRequests(one)),
		graph("Latency (p99, s)", p.Api.MetricLatency(one)),
		graph("Tasks", p.Api.MetricHealthyTasks(one), p.Api.MetricUnhealthyTasks(one)),
	)
	o.Dashboard.AddWidgets(
		graph("Tasks: CPU and memory (%)", p.Api.MetricCpu(one), p.Api.MetricMemory(one)),
		graph("Aggregation lag (ms)", p.Processing.MetricAggregationLag(one)),
		graph("CSV: waiting and put aside", p.Processing.MetricCsvBacklog(one), p.Processing.MetricDeadLetters(one),
			p.Processing.MetricStreamFailures(one), p.Processing.MetricStreamDeadLetters(one)),
	)
	o.Dashboard.AddWidgets(
		graph("Tables: throttled requests", p.Tables.MetricThrottledRequests(one)),
		graph("Replication to the slowest region (ms)", p.Tables.MetricReplicationLatencyMax(one)),
		graph("CSV: age of the oldest part (s)", p.Processing.MetricCsvAge(one)),
	)
}
