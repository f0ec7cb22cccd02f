package stacks

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/infra/config"
)

// addEnvironment adds a stage: it looks for what somebody has changed by hand, then deploys the stacks one after the
// other, each from a change set, and tries each region.
func addEnvironment(stack awscdk.Stack, pipeline pipelines.CodePipeline, c config.Pipeline, e config.Environment) {
	stage := awscdk.NewStage(stack, &e.Name, &awscdk.StageProps{
		Env: &awscdk.Environment{Account: &e.Account, Region: jsii.String(e.Primary())},
	})
	deployment := NewEnvironment(stage, e, true)
	drift := driftTest(pipeline, stage, deployment, e)
	before := []pipelines.Step{drift}
	if e.Approval {
		approval := approve("Approve-"+e.Name, fmt.Sprintf("Deploy to %s?", e.Name))
		approval.AddStepDependency(drift)
		before = append(before, approval)
	}
	var steps []*pipelines.StackSteps
	if e.Approval {
		steps = append(steps, &pipelines.StackSteps{Stack: deployment.State, ChangeSet: review(deployment.State)})
	}
	for _, region := range e.Regions {
		of := &pipelines.StackSteps{
			Stack: deployment.Stacks[region],
			Post:  &[]pipelines.Step{smokeTest(e, deployment.Stacks[region], deployment.RegionUrls[region])},
		}
		if e.Approval {
			of.ChangeSet = review(of.Stack)
		}
		if e.Account != c.Account {
			deployment.Flows[region].Api.SmokeTest.GrantInvoke(awsiam.NewAccountPrincipal(&c.Account))
		}
		steps = append(steps, of)
	}
	pipeline.AddStage(stage, &pipelines.AddStageOpts{Pre: &before, StackSteps: &steps})
}

// review lets a person read what CloudFormation is going to change in a stack that holds data or serves, once it has
// worked it out and before it begins: a template does not tell which resources it would replace.
func review(stack awscdk.Stack) *[]pipelines.Step {
	name := *stack.StackName()
	return &[]pipelines.Step{approve("Review-"+strings.TrimPrefix(name, config.StackPrefix), fmt.Sprintf(
		"Read the change set PipelineChange of the stack %s in %s: does it replace or remove what holds data?",
		name, *stack.Region()))}
}

func approve(id, comment string) pipelines.Step {
	return pipelines.NewManualApprovalStep(&id, &pipelines.ManualApprovalStepProps{Comment: &comment})
}

// lookupRole is the role of the CDK's bootstrap that may read and change nothing.
func lookupRole(stack awscdk.Stack) string {
	account := *stack.Account()
	return fmt.Sprintf("arn:%s:iam::%s:role/cdk-hnb659fds-lookup-role-%s-%s", *stack.Partition(), account, account,
		*stack.Region())
}

// driftCommand compares one stack with what CloudFormation made of it last. A stack that is not there yet has not
// drifted. $1 is the stack, $2 its region, $3 the lookup role, $4 the folder of its template, $5 --fail or nothing.
//
// The weights of the load balancer's rules are ECS's, and not the template's: where it shifts requests, a rule that
// was modified is left out, and anything else fails. The command line has no way to leave something out.
const driftCommand = `drift() {
  keys=$(aws sts assume-role --role-arn "$3" --role-session-name drift --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text) || return 1
  set -- "$1" "$2" "$4" "${5:-}" $keys
  export AWS_ACCESS_KEY_ID="$5" AWS_SECRET_ACCESS_KEY="$6" AWS_SESSION_TOKEN="$7" AWS_REGION="$2"
  if ! found=$(aws cloudformation describe-stacks --stack-name "$1" 2>&1); then
    case $found in *'does not exist'*) echo "drift: $1 is not there yet"; return 0 ;; esac
    echo "$found" >&2; return 1
  fi
  cdk drift --app "$3" $4 "**/$1" || return 1
  [ -z "$4" ] || return 0
  drifted=$(aws cloudformation describe-stack-resource-drifts --stack-name "$1" --stack-resource-drift-status-filters MODIFIED DELETED --query "StackResourceDrifts[?ResourceType!='` + shiftedType + `' || StackResourceDriftStatus!='MODIFIED'].LogicalResourceId" --output text) || return 1
  [ -z "$drifted" ] || { echo "drift: $1 was changed by hand: $drifted" >&2; return 1; }
}`

const shiftedType = "AWS::ElasticLoadBalancingV2::ListenerRule"

// driftTest fails where somebody has changed resources of an environment by hand. It comes before the environment's
// deployment, since that would undo some of these changes and keep others, and nobody could tell which; after it there
// is nothing to see but what the deployment itself made.
func driftTest(
	pipeline pipelines.CodePipeline, stage awscdk.Stage, deployment *Environment, e config.Environment,
) pipelines.Step {
	commands := []string{usePrograms, driftCommand}
	roles := []*string{}
	seen := map[string]bool{}
	regional := map[string]bool{}
	for _, stack := range deployment.Stacks {
		regional[*stack.StackName()] = true
	}
	for _, stack := range deployment.All() {
		region := *stack.Region()
		role := lookupRole(stack)
		if !seen[role] {
			seen[role] = true
			roles = append(roles, &role)
		}
		fail := "--fail"
		if regional[*stack.StackName()] && shifts(e) {
			fail = ""
		}
		// In a shell of its own, so that the next one begins with the build's credentials again.
		commands = append(commands, strings.TrimSpace(fmt.Sprintf("(drift %s %s %s %s %s)", *stack.StackName(), region,
			role, *stage.ArtifactId(), fail)))
	}
	return pipelines.NewCodeBuildStep(jsii.String("Drift-"+e.Name), &pipelines.CodeBuildStepProps{
		Input: pipeline.CloudAssemblyFileSet(), Commands: jsii.Strings(commands...),
		RolePolicyStatements: &[]awsiam.PolicyStatement{
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Actions: jsii.Strings("sts:AssumeRole"), Resources: &roles,
			}),
		},
	})
}

// shifts tells whether ECS changes the rules of the environment's load balancers.
func shifts(e config.Environment) bool {
	return apiservice.Deployment(e.Deployment).Or(e.Disposable).Shifts()
}

// smokeTest tries a region that was just deployed, by the function that tried its new tasks, and now as clients come.
// Before, it waits until all of it serves: that also finds what Route 53 ignores, such as a bucket that the new version
// may not use. It makes a call that must be refused without a token, too.
func smokeTest(e config.Environment, stack awscdk.Stack, url awscdk.CfnOutput) pipelines.Step {
	region := *stack.Region()
	function := fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", *stack.Partition(), region, e.Account,
		sensorflow.SmokeTestName(EnvironmentName(e)))
	return pipelines.NewCodeBuildStep(jsii.String("Smoke-"+e.Name+"-"+region), &pipelines.CodeBuildStepProps{
		EnvFromCfnOutputs: &map[string]awscdk.CfnOutput{"REGION_URL": url},
		Commands: jsii.Strings(
			`curl --fail --silent --show-error --retry 20 --retry-delay 6 --retry-all-errors --max-time 10 "$REGION_URL/readyz" | tee /dev/stderr | grep --quiet '"status":"ready"'`,
			`status=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 10 "$REGION_URL/sensor-data/aggregated?interval=24h"); echo "without a token: $status"; test "$status" = 401`,
			tryCommand, "try "+region+" "+function,
		),
		RolePolicyStatements: &[]awsiam.PolicyStatement{
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Actions: jsii.Strings("lambda:InvokeFunction"), Resources: jsii.Strings(function),
			}),
		},
	})
}

// tryCommand invokes the smoke test until it has an answer: one that is not ready gets its own answer as its next
// event. The function gives up after five minutes; the loop ends after twenty invocations in any case.
const tryCommand = `try() {
  echo '{}' > event.json
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    aws lambda invoke --region "$1" --function-name "$2" --cli-binary-format raw-in-base64-out --cli-read-timeout 150 --payload file://event.json answer.json || return 1
    cat answer.json; echo
    case $(cat answer.json) in
      *'"hookStatus":"SUCCEEDED"'*) return 0 ;;
      *'"hookStatus":"IN_PROGRESS"'*) cp answer.json event.json; sleep "${PAUSE:-10}" ;;
      *) return 1 ;;
    esac
  done
  return 1
}`
