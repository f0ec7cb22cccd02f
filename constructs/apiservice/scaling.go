package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapplicationautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/jsii-runtime-go"
)

// More tasks come at once and go slowly.
const scaleOutSeconds, scaleInSeconds = 30, 300

func (a *ApiService) addScaling(p ApiServiceProps) {
	scaling := a.Service.AutoScaleTaskCount(&awsapplicationautoscaling.EnableScalingProps{
		MinCapacity: jsii.Number(p.TasksMin), MaxCapacity: jsii.Number(p.TasksMax),
	})
	scaling.ScaleOnCpuUtilization(jsii.String("Cpu"), &awsecs.CpuUtilizationScalingProps{
		TargetUtilizationPercent: jsii.Number(p.CpuTargetPercent),
		ScaleOutCooldown:         awscdk.Duration_Seconds(jsii.Number(scaleOutSeconds)),
		ScaleInCooldown:          awscdk.Duration_Seconds(jsii.Number(scaleInSeconds)),
	})
	if p.shifts() {
		a.scaleOnRequests(p, scaling)
		return
	}
	scaling.ScaleOnRequestCount(jsii.String("Requests"), &awsecs.RequestCountScalingProps{
		RequestsPerTarget: jsii.Number(p.RequestsPerTask), TargetGroup: a.TargetGroup,
		ScaleOutCooldown: awscdk.Duration_Seconds(jsii.Number(scaleOutSeconds)),
		ScaleInCooldown:  awscdk.Duration_Seconds(jsii.Number(scaleInSeconds)),
	})
}

// scaleOnRequests follows the requests of both target groups, each counted a task. The metric that scaling knows by
// name belongs to one group, which has no requests at all after every second deployment.
func (a *ApiService) scaleOnRequests(p ApiServiceProps, scaling awsecs.ScalableTaskCount) {
	type query = awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricDataQueryProperty
	of := func(id string, group awselasticloadbalancingv2.ApplicationTargetGroup) *query {
		metric := group.Metrics().RequestCountPerTarget(metricPeriod(nil, "Sum")).ToMetricConfig().MetricStat
		var dimensions []any
		for _, d := range *metric.Dimensions {
			dimensions = append(dimensions, map[string]any{"name": d.Name, "value": d.Value})
		}
		return &query{
			Id: &id, ReturnData: jsii.Bool(false),
			MetricStat: &awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricStatProperty{
				Stat: metric.Statistic,
				Metric: &awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricProperty{
					Namespace: metric.Namespace, MetricName: metric.MetricName, Dimensions: &dimensions,
				},
			},
		}
	}
	target := scaling.Node().FindChild(jsii.String("Target")).(awsapplicationautoscaling.ScalableTarget)
	awsapplicationautoscaling.NewCfnScalingPolicy(a, jsii.String("RequestScaling"),
		&awsapplicationautoscaling.CfnScalingPolicyProps{
			PolicyName: jsii.String("Requests"), PolicyType: jsii.String("TargetTrackingScaling"),
			ScalingTargetId: target.ScalableTargetId(),
			TargetTrackingScalingPolicyConfiguration: &awsapplicationautoscaling.
				CfnScalingPolicy_TargetTrackingScalingPolicyConfigurationProperty{
				TargetValue:      jsii.Number(p.RequestsPerTask),
				ScaleOutCooldown: jsii.Number(scaleOutSeconds), ScaleInCooldown: jsii.Number(scaleInSeconds),
				CustomizedMetricSpecification: &awsapplicationautoscaling.
					CfnScalingPolicy_CustomizedMetricSpecificationProperty{
					Metrics: &[]any{
						of("tasks", a.TargetGroup), of("alternate", a.AlternateTargetGroup),
						&query{
							Id: jsii.String("all"), Expression: jsii.String("FILL(tasks, 0) + FILL(alternate, 0)"),
							Label: jsii.String("Requests a task and minute"), ReturnData: jsii.Bool(true),
						},
					},
				},
			},
		})
}
