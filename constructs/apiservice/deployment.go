package apiservice

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Deployment is how the tasks of a new version take over from those of the version before.
type Deployment string

const (
	// Canary starts as many new tasks as there are old ones, tries them, gives them CanaryPercent of the requests for
	// StepMinutes, then all, and keeps the old ones for BakeMinutes more.
	Canary Deployment = contract.DeploymentCanary
	// Linear is like Canary, with LinearPercent more of the requests every LinearStepMinutes.
	Linear Deployment = contract.DeploymentLinear
	// Rolling replaces some tasks at a time. A fault of the new version meets clients before anything notices it, but a
	// deployment takes minutes and no second set of tasks.
	Rolling Deployment = contract.DeploymentRolling
)

// What the strategies do. They add up to 20 minutes and 22 minutes, besides the start of the tasks.
const (
	CanaryPercent     = 10
	StepMinutes       = 10
	LinearPercent     = 20
	LinearStepMinutes = 3
	BakeMinutes       = 10
)

// When a deployment goes back. The alarms look at one target group each: a canary's faults would be lost among the
// requests of all.
const (
	// RollbackErrorPercent is how many of a minute's answers may have a status of 500 and above, in two of three
	// minutes, where there are RollbackAnswersMin at least.
	RollbackErrorPercent = 5
	RollbackAnswersMin   = 20
	// RollbackLatencySeconds is how long nine of ten answers may take, in three minutes on end.
	RollbackLatencySeconds = 1
	rollbackMinutes        = 3
)

// Or is the deployment, or where none is given the default: Rolling for what is thrown away, which should be there
// soon, and Canary for everything else.
func (d Deployment) Or(disposable bool) Deployment {
	switch {
	case d != "":
		return d
	case disposable:
		return Rolling
	default:
		return Canary
	}
}

// Shifts tells whether ECS moves requests between two sets of tasks, by the rules of the load balancer.
func (d Deployment) Shifts() bool { return d != Rolling }

func (p ApiServiceProps) shifts() bool { return p.Deployment.Shifts() }

// setStrategy adds to the service what the deployment needs.
func (p ApiServiceProps) setStrategy(service *awsecs.FargateServiceProps) {
	minutes := func(n float64) awscdk.Duration { return awscdk.Duration_Minutes(&n) }
	switch p.Deployment {
	case Canary:
		service.DeploymentStrategy = awsecs.DeploymentStrategy_CANARY
		service.CanaryConfiguration = &awsecs.TrafficShiftConfig{
			StepPercent: jsii.Number(CanaryPercent), StepBakeTime: minutes(StepMinutes),
		}
	case Linear:
		service.DeploymentStrategy = awsecs.DeploymentStrategy_LINEAR
		service.LinearConfiguration = &awsecs.TrafficShiftConfig{
			StepPercent: jsii.Number(LinearPercent), StepBakeTime: minutes(LinearStepMinutes),
		}
	default:
		return
	}
	service.BakeTime = minutes(BakeMinutes)
}

// attach puts the tasks behind the load balancer. AddTarget would drop the alternate target without a word.
func (a *ApiService) attach(p ApiServiceProps) {
	if !p.shifts() {
		a.Service.AttachToApplicationTargetGroup(a.TargetGroup)
		return
	}
	production, test := a.addRules()
	rule := awsecs.ListenerRuleConfiguration_ApplicationListenerRule
	a.Service.LoadBalancerTarget(&awsecs.LoadBalancerTargetOptions{
		ContainerName: jsii.String(containerName), ContainerPort: jsii.Number(containerPort),
		AlternateTarget: awsecs.NewAlternateTarget(jsii.String("Alternate"), &awsecs.AlternateTargetProps{
			AlternateTargetGroup: a.AlternateTargetGroup,
			ProductionListener:   rule(production),
			TestListener:         rule(test),
			Role:                 a.newShiftRole(production, test),
		}),
	}).AttachToApplicationTargetGroup(a.TargetGroup)
	a.Service.Node().AddDependency(production, test)
	a.RollBackOn(a.addRollbackAlarms()...)
}

// RollBackOn lets ECS end a deployment, and go back to the tasks of before, also while one of these alarms rings. An
// alarm on a metric that names the service itself makes a circle: it would need the service, which needs the alarm.
//
// It takes the place of Service.EnableDeploymentAlarms, which has no effect here. That warns of the circle for each
// alarm whose name CloudFormation makes up, six times a region at each synthesis, and gives no way to answer.
func (a *ApiService) RollBackOn(alarms ...awscloudwatch.IAlarm) {
	for _, alarm := range alarms {
		a.rollback = append(a.rollback, alarm.AlarmName())
	}
	a.Service.Node().DefaultChild().(awsecs.CfnService).AddPropertyOverride(
		jsii.String("DeploymentConfiguration.Alarms"),
		map[string]any{"AlarmNames": a.rollback, "Enable": true, "Rollback": true})
}

// addRules makes the two rules whose weights ECS changes: one for all requests, and before it one for those that try
// the new tasks. Both begin with all weight on TargetGroup.
//
// The test rule is on the listener of all requests and told by a header, so that what tries the new tasks comes the
// way that clients come, and needs neither a place in the network nor a second port. The header opens nothing: the new
// tasks ask for the same tokens as the old ones, and between deployments it leads to the tasks of everybody.
//
// CloudFormation sets the weights of a rule back whenever the rule itself changes in the template, also while the
// tasks are in the other group (https://github.com/aws/aws-cdk/issues/36649). So nothing that may change stands in
// them: no name, no address, no tag.
//
// The listener's own action stays a forward: ECS refuses listeners that have other actions as well
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb-resources-for-blue-green.html).
func (a *ApiService) addRules() (production, test awselasticloadbalancingv2.ApplicationListenerRule) {
	rule := func(
		id string, priority float64, condition awselasticloadbalancingv2.ListenerCondition,
	) awselasticloadbalancingv2.ApplicationListenerRule {
		groups := []*awselasticloadbalancingv2.WeightedTargetGroup{
			{TargetGroup: a.TargetGroup, Weight: jsii.Number(1)},
			{TargetGroup: a.AlternateTargetGroup, Weight: jsii.Number(0)},
		}
		made := awselasticloadbalancingv2.NewApplicationListenerRule(a, &id,
			&awselasticloadbalancingv2.ApplicationListenerRuleProps{
				Listener: a.listener, Priority: &priority,
				Conditions: &[]awselasticloadbalancingv2.ListenerCondition{condition},
				Action:     awselasticloadbalancingv2.ListenerAction_WeightedForward(&groups, nil),
			})
		raw := made.Node().DefaultChild().(awselasticloadbalancingv2.CfnListenerRule)
		raw.AddPropertyDeletionOverride(jsii.String("Tags"))
		return made
	}
	test = rule("TestRule", 1, awselasticloadbalancingv2.ListenerCondition_HttpHeader(
		jsii.String(contract.NewTasksHeader), jsii.Strings(contract.NewTasksValue)))
	production = rule("ProductionRule", 2, awselasticloadbalancingv2.ListenerCondition_PathPatterns(jsii.Strings("/*")))
	return production, test
}

// newShiftRole makes the role with which ECS moves requests. AWS keeps its policy in step with what ECS calls; the
// denial takes away what that policy allows on other load balancers of the account.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
func (a *ApiService) newShiftRole(
	rules ...awselasticloadbalancingv2.ApplicationListenerRule,
) awsiam.Role {
	const managed = "AmazonECSInfrastructureRolePolicyForLoadBalancers"
	own := []*string{a.TargetGroup.TargetGroupArn(), a.AlternateTargetGroup.TargetGroupArn()}
	for _, rule := range rules {
		own = append(own, rule.ListenerRuleArn())
	}
	narrow := awsiam.NewManagedPolicy(a, jsii.String("ShiftPolicy"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("Keeps ECS from the load balancers of others"),
		Statements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Effect: awsiam.Effect_DENY,
			Actions: jsii.Strings("elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:ModifyListener",
				"elasticloadbalancing:ModifyRule", "elasticloadbalancing:RegisterTargets"),
			NotResources: &own,
		})},
	})
	role := awsiam.NewRole(a, jsii.String("ShiftRole"), &awsiam.RoleProps{
		Description: jsii.String("ECS moves requests between the tasks of two versions"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("ecs.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String(managed)), narrow,
		},
	})
	nag.ExplainManagedPolicy(role, managed, "ECS alone uses the role, and AWS keeps the policy in step with what ECS "+
		"calls: a copy that lacks a call would let deployments fail; a policy beside it denies all changes of target "+
		"groups, listeners and rules other than this service's own")
	return role
}

// addRollbackAlarms makes the alarms that end a deployment. ECS does not look at alarms that
// ring already when a deployment begins: what repairs a failing service can be deployed
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html).
func (a *ApiService) addRollbackAlarms() []awscloudwatch.IAlarm {
	alarms := append(a.rollbackAlarms("", a.TargetGroup), a.rollbackAlarms("Alternate", a.AlternateTargetGroup)...)
	for _, alarm := range alarms {
		nag.Explain(alarm, "ECS looks at the alarm during a deployment, and whoever deploys sees the deployment "+
			"fail; people are called by the alarms of the whole service", "CloudWatchAlarmAction")
	}
	return alarms
}

// rollbackAlarms are the alarms on one target group: its errors, its latency, its unhealthy tasks.
func (a *ApiService) rollbackAlarms(
	suffix string, group awselasticloadbalancingv2.ApplicationTargetGroup,
) []awscloudwatch.IAlarm {
	metrics := group.Metrics()
	share := awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(fmt.Sprintf("IF(answers >= %d, 100 * FILL(errors, 0) / answers, 0)", RollbackAnswersMin)),
		UsingMetrics: &map[string]awscloudwatch.IMetric{
			"answers": metrics.RequestCount(metricPeriod(nil, "Sum")),
			"errors": metrics.HttpCodeTarget(awselasticloadbalancingv2.HttpCodeTarget_TARGET_5XX_COUNT,
				metricPeriod(nil, "Sum")),
		},
		Label:  jsii.String("Answers with 500 and above, per cent"),
		Period: awscdk.Duration_Minutes(jsii.Number(1)),
	})
	alarm := func(id string, metric awscloudwatch.IMetric, above float64, of int, text string) awscloudwatch.IAlarm {
		return awscloudwatch.NewAlarm(a, jsii.String("Rollback"+id+suffix), &awscloudwatch.AlarmProps{
			Metric: metric, Threshold: &above, AlarmDescription: &text,
			EvaluationPeriods: jsii.Number(rollbackMinutes), DatapointsToAlarm: jsii.Number(of),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
		})
	}
	return []awscloudwatch.IAlarm{
		alarm("Errors", share, RollbackErrorPercent, rollbackMinutes-1,
			"A deployment goes back while this rings: tasks answer with 500 or 503."),
		alarm("Latency", metrics.TargetResponseTime(metricPeriod(nil, "p90")), RollbackLatencySeconds, rollbackMinutes,
			"A deployment goes back while this rings: tasks are slow."),
		alarm("Unhealthy", metrics.UnhealthyHostCount(metricPeriod(nil, "Maximum")), 0, rollbackMinutes,
			"A deployment goes back while this rings: tasks do not answer GET /healthz."),
	}
}
