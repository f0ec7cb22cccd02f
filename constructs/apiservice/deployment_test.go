package apiservice_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func deployedBy(way apiservice.Deployment, disposable bool) change {
	return func(_ awscdk.Stack, p *apiservice.ApiServiceProps) { p.Deployment, p.Disposable = way, disposable }
}

func TestApiService_TakesTheStrategyThatIsAskedFor(t *testing.T) {
	canary := map[string]any{"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 10}
	linear := map[string]any{"StepPercent": 20, "StepBakeTimeInMinutes": 3}
	for name, c := range map[string]struct {
		change   change
		strategy any
		kind     string
		steps    map[string]any
	}{
		"by default":           {byDefault, "CANARY", "CanaryConfiguration", canary},
		"disposable":           {deployedBy("", true), nil, "", nil},
		"canary, disposable":   {deployedBy(apiservice.Canary, true), "CANARY", "CanaryConfiguration", canary},
		"linear":               {deployedBy(apiservice.Linear, false), "LINEAR", "LinearConfiguration", linear},
		"rolling, to be kept":  {rolling, nil, "", nil},
		"linear, under domain": {everything, "LINEAR", "LinearConfiguration", linear},
	} {
		t.Run(name, func(t *testing.T) {
			template := synth(t, c.change)
			service := template.Only(t, "AWS::ECS::Service")
			service.Want(t, map[string]any{"Enable": true, "Rollback": true}, "DeploymentConfiguration",
				"DeploymentCircuitBreaker")
			groups := len(template.All("AWS::ElasticLoadBalancingV2::TargetGroup"))
			if c.strategy == nil {
				for _, absent := range []string{"Strategy", "BakeTimeInMinutes", "Alarms"} {
					if got := service.Property("DeploymentConfiguration", absent); got != nil {
						t.Errorf("the service has %s %v", absent, got)
					}
				}
				rules := len(template.All("AWS::ElasticLoadBalancingV2::ListenerRule"))
				if groups != 1 || rules != 0 || service.Property("LoadBalancers", 0, "AdvancedConfiguration") != nil {
					t.Errorf("there are %d target groups and %d rules for one set of tasks", groups, rules)
				}
				return
			}
			service.Want(t, c.strategy, "DeploymentConfiguration", "Strategy")
			service.Want(t, c.steps, "DeploymentConfiguration", c.kind)
			service.Want(t, apiservice.BakeMinutes, "DeploymentConfiguration", "BakeTimeInMinutes")
			if groups != 2 {
				t.Errorf("there are %d target groups", groups)
			}
		})
	}
}

// TestApiService_LetsEcsMoveRequestsBetweenTwoGroups follows the references from the service to rules, groups and role.
func TestApiService_LetsEcsMoveRequestsBetweenTwoGroups(t *testing.T) {
	for name, c := range map[string]struct {
		change   change
		listener string
	}{
		"CloudFront": {byDefault, "ApiLoadBalancerFromCloudFront"}, "a domain": {withDomain, "ApiLoadBalancerHttps"},
	} {
		t.Run(name, func(t *testing.T) {
			template := synth(t, c.change)
			find := func(kind, prefix string) cdktest.Resource {
				return template.Find(t, "AWS::ElasticLoadBalancingV2::"+kind, prefix)
			}
			tasks, alternate := find("TargetGroup", "ApiTasks"), find("TargetGroup", "ApiAlternateTasks")
			production, test := find("ListenerRule", "ApiProductionRule"), find("ListenerRule", "ApiTestRule")
			service := template.Only(t, "AWS::ECS::Service")
			service.Want(t, []any{map[string]any{
				"AdvancedConfiguration": map[string]any{
					"AlternateTargetGroupArn": map[string]any{"Ref": alternate.ID},
					"ProductionListenerRule":  map[string]any{"Ref": production.ID},
					"TestListenerRule":        map[string]any{"Ref": test.ID},
					"RoleArn": map[string]any{
						"Fn::GetAtt": []any{template.Find(t, "AWS::IAM::Role", "ApiShiftRole").ID, "Arn"},
					},
				},
				"ContainerName": "Api", "ContainerPort": 8080, "TargetGroupArn": map[string]any{"Ref": tasks.ID},
			}}, "LoadBalancers")
			for _, group := range []string{"HealthCheckPath", "Port", "TargetGroupAttributes", "Matcher"} {
				if a, b := tasks.Property(group), alternate.Property(group); cdktest.JSON(t, a) != cdktest.JSON(t, b) {
					t.Errorf("%s of the groups differ: %v and %v", group, a, b)
				}
			}
			// Everything that the rules say. A change of it sets the weights back where it is deployed, also while the
			// tasks are in the other group: then nobody is served until the next deployment.
			forward := []any{map[string]any{"Type": "forward", "ForwardConfig": map[string]any{"TargetGroups": []any{
				map[string]any{"TargetGroupArn": map[string]any{"Ref": tasks.ID}, "Weight": 1},
				map[string]any{"TargetGroupArn": map[string]any{"Ref": alternate.ID}, "Weight": 0},
			}}}}
			listener := map[string]any{"Ref": find("Listener", c.listener).ID}
			test.Want(t, map[string]any{
				"Actions": forward, "ListenerArn": listener, "Priority": 1,
				"Conditions": []any{map[string]any{"Field": "http-header", "HttpHeaderConfig": map[string]any{
					"HttpHeaderName": contract.NewTasksHeader, "Values": []string{contract.NewTasksValue},
				}}},
			})
			production.Want(t, map[string]any{
				"Actions": forward, "ListenerArn": listener, "Priority": 2,
				"Conditions": []any{map[string]any{
					"Field": "path-pattern", "PathPatternConfig": map[string]any{"Values": []string{"/*"}},
				}},
			})
			needs := cdktest.JSON(t, service.Body["DependsOn"])
			for _, rule := range []cdktest.Resource{production, test} {
				if !strings.Contains(needs, `"`+rule.ID+`"`) {
					t.Errorf("the service does not wait for %s", rule.ID)
				}
			}
		})
	}
}

// TestApiService_ForgetsTagsOfRules is for whoever tags a whole app: a tag that changes would change the rules.
func TestApiService_ForgetsTagsOfRules(t *testing.T) {
	template := synth(t, func(stack awscdk.Stack, _ *apiservice.ApiServiceProps) {
		key, value := "team", "sensors"
		awscdk.Tags_Of(stack).Add(&key, &value, nil)
	})
	for _, rule := range template.All("AWS::ElasticLoadBalancingV2::ListenerRule") {
		if tags := rule.Property("Tags"); tags != nil {
			t.Errorf("%s has the tags %v", rule.ID, tags)
		}
	}
	if template.Only(t, "AWS::ECS::Service").Property("Tags") == nil {
		t.Error("nothing is tagged, so that the test tests nothing")
	}
}

// TestApiService_KeepsTheShiftRoleFromOtherLoadBalancers reads what the policy beside AWS's own denies.
func TestApiService_KeepsTheShiftRoleFromOtherLoadBalancers(t *testing.T) {
	template := synth(t, byDefault)
	policy := template.Find(t, "AWS::IAM::ManagedPolicy", "ApiShiftPolicy")
	role := template.Find(t, "AWS::IAM::Role", "ApiShiftRole")
	role.Want(t, policy.ID, "ManagedPolicyArns", 1, "Ref")
	policy.Want(t, "Deny", "PolicyDocument", "Statement", 0, "Effect")
	var own []any
	for _, kind := range []string{"TargetGroup", "ListenerRule"} {
		for _, r := range template.All("AWS::ElasticLoadBalancingV2::" + kind) {
			own = append(own, map[string]any{"Ref": r.ID})
		}
	}
	got, _ := policy.Property("PolicyDocument", "Statement", 0, "NotResource").([]any)
	if len(got) != 4 || len(own) != 4 {
		t.Fatalf("the role may change %v, and there are %v", got, own)
	}
	for _, r := range own {
		if !slices.ContainsFunc(got, func(g any) bool { return cdktest.JSON(t, g) == cdktest.JSON(t, r) }) {
			t.Errorf("ECS may not change %v", r)
		}
	}
}

// TestApiService_GoesBackOnAlarmsOfEitherGroup sees that each group has its alarms, and that the service names all.
func TestApiService_GoesBackOnAlarmsOfEitherGroup(t *testing.T) {
	template := synth(t, byDefault)
	service := template.Only(t, "AWS::ECS::Service")
	service.Want(t, true, "DeploymentConfiguration", "Alarms", "Enable")
	service.Want(t, true, "DeploymentConfiguration", "Alarms", "Rollback")
	named := cdktest.JSON(t, service.Property("DeploymentConfiguration", "Alarms", "AlarmNames"))
	alarms := template.All("AWS::CloudWatch::Alarm")
	if len(alarms) != 6 {
		t.Errorf("there are %d alarms", len(alarms))
	}
	groups := map[string]int{}
	for _, alarm := range alarms {
		if !strings.Contains(named, `"`+alarm.ID+`"`) {
			t.Errorf("the service does not go back on %s", alarm.ID)
		}
		text := cdktest.JSON(t, alarm.Body)
		for _, group := range template.All("AWS::ElasticLoadBalancingV2::TargetGroup") {
			if strings.Contains(text, `"`+group.ID+`"`) {
				groups[group.ID]++
			}
		}
		alarm.Want(t, "notBreaching", "TreatMissingData")
	}
	for id, n := range groups {
		if n != 3 {
			t.Errorf("%s has %d alarms", id, n)
		}
	}
	if len(groups) != 2 {
		t.Errorf("the alarms look at %v", groups)
	}
	errors := template.Find(t, "AWS::CloudWatch::Alarm", "ApiRollbackErrorsAlternate")
	text := cdktest.JSON(t, errors.Body)
	want := fmt.Sprintf("answers >= %d", apiservice.RollbackAnswersMin)
	for _, part := range []string{want, "HTTPCode_Target_5XX_Count", "RequestCount"} {
		if !strings.Contains(text, part) {
			t.Errorf("the alarm on errors lacks %s:\n%s", part, text)
		}
	}
}

// TestApiService_GoesBackOnMoreAlarms adds an alarm of the user's own, also where the service has none by itself.
func TestApiService_GoesBackOnMoreAlarms(t *testing.T) {
	for name, c := range map[string]struct {
		change change
		alarms int
	}{"canary": {byDefault, 7}, "rolling": {rolling, 1}} {
		app := cdktest.NewApp(t)
		stack := cdktest.NewStack(app, "Stack", "eu-west-1")
		props := required(t)(stack)
		c.change(stack, &props)
		api := apiservice.NewApiService(stack, "Api", &props)
		one, queue := float64(1), "AWS/SQS"
		metric := "ApproximateNumberOfMessagesVisible"
		api.RollBackOn(awscloudwatch.NewMetric(&awscloudwatch.MetricProps{Namespace: &queue, MetricName: &metric}).
			CreateAlarm(stack, &queue, &awscloudwatch.CreateAlarmOptions{Threshold: &one, EvaluationPeriods: &one}))
		out := cdktest.Synth(t, app)
		alarms, _ := out.Template(t, "Stack").Only(t, "AWS::ECS::Service").
			Property("DeploymentConfiguration", "Alarms", "AlarmNames").([]any)
		if text := cdktest.JSON(t, alarms); len(alarms) != c.alarms || !strings.Contains(text, `"AWSSQS`) {
			t.Errorf("%s: the service goes back on %s", name, text)
		}
		if warnings := out.Warnings(t); len(warnings) > 0 {
			t.Errorf("%s: the warnings are %q", name, warnings)
		}
	}
}

// TestApiService_CountsTheRequestsOfBothGroups is about scaling: the group of the last deployment has them all.
func TestApiService_CountsTheRequestsOfBothGroups(t *testing.T) {
	template := synth(t, byDefault)
	policy := template.Find(t, "AWS::ApplicationAutoScaling::ScalingPolicy", "ApiRequestScaling")
	configuration := "TargetTrackingScalingPolicyConfiguration"
	policy.Want(t, template.Only(t, "AWS::ApplicationAutoScaling::ScalableTarget").ID, "ScalingTargetId", "Ref")
	policy.Want(t, apiservice.RequestsPerTaskDefault, configuration, "TargetValue")
	policy.Want(t, "FILL(tasks, 0) + FILL(alternate, 0)", configuration, "CustomizedMetricSpecification", "Metrics", 2,
		"Expression")
	for i, group := range []string{"ApiTasks", "ApiAlternateTasks"} {
		id := template.Find(t, "AWS::ElasticLoadBalancingV2::TargetGroup", group).ID
		query := cdktest.JSON(t, policy.Property(configuration, "CustomizedMetricSpecification", "Metrics", i))
		if !strings.Contains(query, `"`+id+`"`) || !strings.Contains(query, `"RequestCountPerTarget"`) {
			t.Errorf("query %d is not of %s: %s", i, id, query)
		}
	}
	if n := len(template.All("AWS::ApplicationAutoScaling::ScalingPolicy")); n != 2 {
		t.Errorf("there are %d policies", n)
	}
	rolling := synth(t, rolling)
	named := rolling.Find(t, "AWS::ApplicationAutoScaling::ScalingPolicy", "ApiServiceTaskCountTargetRequests")
	named.Want(t, "ALBRequestCountPerTarget", configuration, "PredefinedMetricSpecification", "PredefinedMetricType")
}

// TestApiService_CountsTasksOfBothGroups is about the metrics that AWS has of each group alone.
func TestApiService_CountsTasksOfBothGroups(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", "eu-west-1")
	props := required(t)(stack)
	both := apiservice.NewApiService(stack, "Both", &props)
	props.Deployment = apiservice.Rolling
	one := apiservice.NewApiService(stack, "One", &props)
	for _, c := range []struct {
		both, one awscloudwatch.IMetric
		name      string
		statistic string
	}{
		{both.MetricHealthyTasks(nil), one.MetricHealthyTasks(nil), "HealthyHostCount", "Minimum"},
		{both.MetricUnhealthyTasks(nil), one.MetricUnhealthyTasks(nil), "UnHealthyHostCount", "Maximum"},
	} {
		single := c.one.ToMetricConfig().MetricStat
		if *single.MetricName != c.name || *single.Statistic != c.statistic {
			t.Errorf("of one group it is %s of %s", *single.Statistic, *single.MetricName)
		}
		math := c.both.ToMetricConfig().MathExpression
		if math == nil || !strings.HasPrefix(*math.Expression, "MAX([") || len(*math.UsingMetrics) != 2 {
			t.Fatalf("%s of two groups is %+v", c.name, math)
		}
		for _, metric := range *math.UsingMetrics {
			if got := metric.ToMetricConfig().MetricStat; *got.MetricName != c.name || *got.Statistic != c.statistic {
				t.Errorf("it is made of %s of %s", *got.Statistic, *got.MetricName)
			}
		}
	}
}
