package stacks

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// narrowPolicies replaces what the CDK's library allows on everything by what is meant: its own projects, stacks and
// bootstrap roles. The library has no option for it. The tests hold each statement that is named here to its actions,
// so that another order of statements is found.
func narrowPolicies(stack awscdk.Stack, pipeline pipelines.CodePipeline) {
	arn := func(service, region, resource string) string {
		return fmt.Sprintf("arn:%s:%s:%s:%s:%s", *stack.Partition(), service, region, *stack.Account(), resource)
	}
	prefix := *stack.GetLogicalId(pipeline.Pipeline().Node().DefaultChild().(awscdk.CfnElement))
	prefix = prefix[:strings.Index(prefix, "Pipeline")+len("Pipeline")]
	for id, resources := range map[string]map[int][]string{
		// Only the pipeline starts builds; a role of a build that is in the Assets stage is allowed to as well.
		"Assets/FileRole":   {2: {arn("codebuild", *stack.Region(), "project/"+prefix+"Assets*")}},
		"Assets/DockerRole": {2: {arn("codebuild", *stack.Region(), "project/"+prefix+"Assets*")}},
		// The pipeline updates its own stack, and those beside it for other regions.
		"UpdatePipeline/SelfMutation/Role": {
			3: {arn("iam", "", "role/cdk-hnb659fds-*")},
			4: {
				arn("cloudformation", "*", "stack/"+PipelineName+"*/*"), arn("cloudformation", "*", "stack/CDKToolkit/*"),
				fmt.Sprintf("arn:%s:s3:::cdk-hnb659fds-assets-%s-*", *stack.Partition(), *stack.Account()),
			},
		},
	} {
		policy := policyBelow(pipeline, id)
		if policy == nil { // an environment without an image, say, has no such role
			continue
		}
		for statement, of := range resources {
			policy.AddPropertyOverride(jsii.String(fmt.Sprintf("PolicyDocument.Statement.%d.Resource", statement)), of)
		}
	}
}

// policyBelow finds the policy of the role at a place below the pipeline; nil where there is no such role.
func policyBelow(pipeline pipelines.CodePipeline, place string) awsiam.CfnPolicy {
	for _, c := range *pipeline.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		path := *c.Node().Path()
		if !strings.HasSuffix(path, "/"+place+"/DefaultPolicy/Resource") {
			continue
		}
		return c.(awsiam.CfnPolicy)
	}
	return nil
}
