package apiservice

import (
	"cmp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/jsii-runtime-go"
)

// metricPeriod is what a metric covers unless its options say otherwise.
func metricPeriod(o *awscloudwatch.MetricOptions, statistic string) *awscloudwatch.MetricOptions {
	var with awscloudwatch.MetricOptions
	if o != nil {
		with = *o
	}
	if with.Period == nil {
		with.Period = awscdk.Duration_Minutes(jsii.Number(1))
	}
	if with.Statistic == nil {
		with.Statistic = &statistic
	}
	return &with
}

// MetricRequests counts the requests that reached the tasks.
func (a *ApiService) MetricRequests(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.LoadBalancer.Metrics().RequestCount(metricPeriod(o, "Sum"))
}

// MetricServerErrors counts the answers of the tasks with a status of 500 and above; 503 is among them, which clients
// repeat.
func (a *ApiService) MetricServerErrors(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.LoadBalancer.Metrics().HttpCodeTarget(awselasticloadbalancingv2.HttpCodeTarget_TARGET_5XX_COUNT,
		metricPeriod(o, "Sum"))
}

// MetricUnanswered counts the answers with a status of 500 and above that the load balancer gave itself, since no task
// took the request or a task left it.
func (a *ApiService) MetricUnanswered(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.LoadBalancer.Metrics().HttpCodeElb(awselasticloadbalancingv2.HttpCodeElb_ELB_5XX_COUNT,
		metricPeriod(o, "Sum"))
}

// MetricLatency is how long the tasks took to answer, in seconds, by default the 99th percentile.
func (a *ApiService) MetricLatency(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.LoadBalancer.Metrics().TargetResponseTime(metricPeriod(o, "p99"))
}

// MetricUnhealthyTasks counts the tasks that are not ready to serve. Where there are two target groups it is the
// larger of their counts, as a MathExpression.
func (a *ApiService) MetricUnhealthyTasks(o *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
	return a.ofBoth(metricPeriod(o, "Maximum"), func(
		of awselasticloadbalancingv2.IApplicationTargetGroupMetrics, o *awscloudwatch.MetricOptions,
	) awscloudwatch.Metric {
		return of.UnhealthyHostCount(o)
	})
}

// MetricHealthyTasks counts the tasks that serve. Where there are two target groups it is the larger of their counts,
// as a MathExpression: between deployments one of them is empty.
func (a *ApiService) MetricHealthyTasks(o *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
	return a.ofBoth(metricPeriod(o, "Minimum"), func(
		of awselasticloadbalancingv2.IApplicationTargetGroupMetrics, o *awscloudwatch.MetricOptions,
	) awscloudwatch.Metric {
		return of.HealthyHostCount(o)
	})
}

// ofBoth is a metric that AWS measures of a target group and not of the load balancer.
func (a *ApiService) ofBoth(o *awscloudwatch.MetricOptions, measure func(
	of awselasticloadbalancingv2.IApplicationTargetGroupMetrics, o *awscloudwatch.MetricOptions,
) awscloudwatch.Metric) awscloudwatch.IMetric {
	tasks := measure(a.TargetGroup.Metrics(), o)
	if a.AlternateTargetGroup == nil {
		return tasks
	}
	// A widget takes one metric for each id.
	first := "of" + *tasks.MetricName()
	second := first + "Alternate"
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String("MAX([FILL(" + first + ", 0), FILL(" + second + ", 0)])"),
		UsingMetrics: &map[string]awscloudwatch.IMetric{
			first: tasks, second: measure(a.AlternateTargetGroup.Metrics(), o),
		},
		Label: cmp.Or(o.Label, tasks.MetricName()), Color: o.Color, Period: o.Period,
	})
}

// MetricCpu is the mean CPU use of the tasks, in per cent.
func (a *ApiService) MetricCpu(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.Service.MetricCpuUtilization(metricPeriod(o, "Average"))
}

// MetricMemory is how much of its memory the fullest task uses, in per cent.
func (a *ApiService) MetricMemory(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.Service.MetricMemoryUtilization(metricPeriod(o, "Maximum"))
}

// MetricBlockedRequests counts the requests that the firewall refused, because of their rate or because they look like
// an attack.
func (a *ApiService) MetricBlockedRequests(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/WAFV2"), MetricName: jsii.String("BlockedRequests"),
		DimensionsMap: &map[string]*string{
			"WebACL": &a.firewallName, "Region": awscdk.Stack_Of(a).Region(), "Rule": jsii.String("ALL"),
		},
	}).With(metricPeriod(o, "Sum"))
}
