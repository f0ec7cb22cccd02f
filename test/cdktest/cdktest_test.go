package cdktest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

// recorder counts what would have failed a test.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }

func TestSynth_ReadsStacksInStagesToo(t *testing.T) {
	app := cdktest.NewApp(t)
	cdktest.NewStack(app, "Plain", "eu-west-1")
	stage := awscdk.NewStage(app, jsii.String("Prod"), nil)
	awssqs.NewQueue(cdktest.NewStack(stage, "Inner", "us-east-1"), jsii.String("Queue"), nil)
	out := cdktest.Synth(t, app)
	if got := out.Stacks(); len(got) != 2 {
		t.Fatalf("stacks are %v", got)
	}
	inner := out.Stacks()[slices.IndexFunc(out.Stacks(),
		func(s string) bool { return strings.HasPrefix(s, "ProdInner") })]
	if id := out.Template(t, inner).Only(t, "AWS::SQS::Queue").ID; id != "Queue4A7E3555" {
		t.Errorf("the queue is %s", id)
	}
}

func TestNewStack_KnowsItsZones(t *testing.T) {
	app := cdktest.NewApp(t)
	awsec2.NewVpc(cdktest.NewStack(app, "Stack", "us-east-1"), jsii.String("Vpc"), nil)
	var zones []string
	for _, subnet := range cdktest.Synth(t, app).Template(t, "Stack").All("AWS::EC2::Subnet") {
		zones = append(zones, subnet.Text(t, "AvailabilityZone"))
	}
	slices.Sort(zones)
	if got := slices.Compact(zones); !slices.Equal(got, []string{"us-east-1a", "us-east-1b", "us-east-1c"}) {
		t.Errorf("zones are %v", got)
	}
}

func TestNag_FindsAndHearsReasons(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	queue := awssqs.NewQueue(stack, jsii.String("Queue"), &awssqs.QueueProps{EnforceSSL: jsii.Bool(true)})
	bare := awssqs.NewQueue(stack, jsii.String("Bare"), &awssqs.QueueProps{DeadLetterQueue: &awssqs.DeadLetterQueue{
		Queue: queue, MaxReceiveCount: jsii.Number(5),
	}})
	cdknag.NagSuppressions_AddResourceSuppressions(queue, &[]*cdknag.NagPackSuppression{
		{Id: jsii.String("AwsSolutions-SQS3"), Reason: jsii.String("it is the dead letter queue itself")},
	}, nil)
	_ = bare
	out := cdktest.Synth(t, app)
	r := &recorder{TB: t}
	out.NoFindings(r)
	if len(r.errors) != 1 || !strings.HasPrefix(r.errors[0], "Stack/Bare/Resource: AwsSolutions-SQS4: ") {
		t.Errorf("findings are %q", r.errors)
	}
}

func TestLeastPrivilege_RefusesWildcardsAndFullAccess(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	role := awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("AmazonSQSFullAccess")),
		},
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("s3:GetObject", "sqs:*"), Resources: jsii.Strings("*"),
	}))
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Effect: awsiam.Effect_DENY, Actions: jsii.Strings("dynamodb:*"), Resources: jsii.Strings("*"),
	}))
	r := &recorder{TB: t}
	cdktest.Synth(t, app).LeastPrivilege(r)
	if len(r.errors) != 2 || !strings.Contains(r.errors[0]+r.errors[1], "allows sqs:*") ||
		!strings.Contains(r.errors[0]+r.errors[1], "full access") {
		t.Errorf("it said %q", r.errors)
	}
}

func TestNoCircles_SeesWhatCloudFormationWouldRefuse(t *testing.T) {
	for _, c := range []struct {
		name  string
		queue map[string]any
		want  string
	}{
		{"none", map[string]any{"QueueName": map[string]any{"Ref": "AWS::Region"}}, ""},
		{"by name", map[string]any{"QueueName": map[string]any{"Ref": "Topic"}},
			"Stack: resources need each other: Queue -> Topic -> Queue"},
		{"in a text", map[string]any{"QueueName": map[string]any{"Fn::Sub": "${AWS::Region}-${Topic.Arn}"}},
			"Stack: resources need each other: Queue -> Topic -> Queue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			app := cdktest.NewApp(t)
			stack := cdktest.NewStack(app, "Stack", "eu-west-1")
			awscdk.NewCfnResource(stack, jsii.String("Queue"),
				&awscdk.CfnResourceProps{Type: jsii.String("AWS::SQS::Queue"), Properties: &c.queue})
			awscdk.NewCfnResource(stack, jsii.String("Topic"),
				&awscdk.CfnResourceProps{Type: jsii.String("AWS::SNS::Topic"), Properties: &map[string]any{
					"TopicName": map[string]any{"Fn::Join": []any{
						"", []any{"for", map[string]any{"Fn::GetAtt": []string{"Queue", "QueueName"}}},
					}},
				}})
			r := &recorder{TB: t}
			cdktest.Synth(t, app).NoCircles(r)
			if got := strings.Join(r.errors, "; "); got != c.want {
				t.Errorf("it said %q, want %q", got, c.want)
			}
		})
	}
}

func TestScrub_HidesHashesOnly(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	awslambda.NewFunction(stack, jsii.String("Function"), &awslambda.FunctionProps{
		Runtime: awslambda.Runtime_PROVIDED_AL2023(), Handler: jsii.String("bootstrap"), Code: cdktest.LambdaCode(t),
	})
	template := cdktest.Synth(t, app).Template(t, "Stack")
	template.Golden(t, "function")
	if _, ok := template["Rules"]; !ok {
		t.Error("scrubbing changed the template itself")
	}
}

type props struct{ Name, Forgotten string }

func TestEveryPropMatters_BuildsWithEachProp(t *testing.T) {
	var built []props
	cdktest.EveryPropMatters(t,
		func(awscdk.Stack) props { return props{Name: "one"} },
		func(stack awscdk.Stack, p *props) {
			built = append(built, *p)
			awssqs.NewQueue(stack, jsii.String(p.Name+p.Forgotten), nil)
		},
		map[string]func(awscdk.Stack, *props){
			"Name":      func(_ awscdk.Stack, p *props) { p.Name = "two" },
			"Forgotten": func(_ awscdk.Stack, p *props) { p.Forgotten = "not" },
		})
	if want := []props{{"one", ""}, {"one", "not"}, {"two", ""}}; !slices.Equal(built, want) {
		t.Errorf("built with %v", built)
	}
}

func TestPanic_ReturnsTheSentence(t *testing.T) {
	if got := cdktest.Panic(t, func() { panic(fmt.Errorf("no %s", "way")) }); got != "no way" {
		t.Errorf("got %q", got)
	}
	r := &recorder{TB: t}
	if cdktest.Panic(r, func() {}); len(r.errors) != 1 {
		t.Error("a function that refuses nothing passed")
	}
}
