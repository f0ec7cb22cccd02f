package apiservice

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// newTaskRole makes the role that the API's calls are signed with. Signing in needs no permission: the pool's client proves itself by
// its secret.
func (a *ApiService) newTaskRole(p ApiServiceProps) awsiam.Role {
	policy := awsiam.NewManagedPolicy(a, jsii.String("TaskPolicy"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("What the API calls"),
	})
	p.Tables.GrantSendReadings(policy)
	p.Tables.GrantReadReadings(policy)
	p.Tables.GrantReadAggregates(policy)
	p.Tables.GrantRevokeTokens(policy)
	p.Uploads.GrantTakeUploads(policy)
	bucket := *awscdk.Stack_Of(p.Uploads).GetLogicalId(p.Uploads.Bucket.Node().DefaultChild().(awscdk.CfnElement))
	suppress(policy, map[string]string{
		"AwsSolutions-IAM5": "an object is named after its upload, so the API needs all objects below these two prefixes of one bucket; each action is named",
	}, fmt.Sprintf("Resource::<%s.Arn>/%s*", bucket, contract.UploadKeyPrefix), fmt.Sprintf("Resource::<%s.Arn>/%s*", bucket, contract.RejectsKeyPrefix))
	return awsiam.NewRole(a, jsii.String("TaskRole"), &awsiam.RoleProps{
		AssumedBy:       fromAccount(a, "ecs-tasks.amazonaws.com"),
		ManagedPolicies: &[]awsiam.IManagedPolicy{policy},
	})
}

// newExecutionRole makes the role by which ECS starts tasks. The CDK adds to it, when the container is added: pulling the image, from
// exactly its repository, and writing to exactly the log group.
func (a *ApiService) newExecutionRole(p ApiServiceProps) awsiam.Role {
	role := awsiam.NewRole(a, jsii.String("ExecutionRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil),
	})
	identity.GrantReadSettings(p.Settings, role)
	return role
}

// explainExecutionRole is for a role that has all its permissions: reasons are kept with the policy that they are for.
func explainExecutionRole(role awsiam.Role) {
	const own = "the policy belongs to exactly one role, which is made and deleted with it; a managed policy could be attached elsewhere"
	suppress(role, map[string]string{
		"NIST.800.53.R5-IAMNoInlinePolicy": own,
		"HIPAA.Security-IAMNoInlinePolicy": own,
		"PCI.DSS.321-IAMNoInlinePolicy":    own,
	})
	suppress(role, map[string]string{
		"AwsSolutions-IAM5": "ecr:GetAuthorizationToken knows no resources; what the token opens is decided by the statement on the image's repository",
	}, "Resource::*")
}

func allow(resource *string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &[]*string{resource}})
}

// fromAccount is a service that acts for this account only: another account's resources cannot make it use our role.
func fromAccount(scope constructs.Construct, service string) awsiam.IPrincipal {
	return awsiam.NewServicePrincipal(&service, &awsiam.ServicePrincipalOpts{
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()}},
	})
}

// removal is the removal policy of what keeps data.
func removal(disposable bool) awscdk.RemovalPolicy {
	if disposable {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

// suppress explains findings of cdk-nag about a construct and its children, by the rules' ids; appliesTo names the exact evidence,
// where a finding has any.
func suppress(construct constructs.IConstruct, reasons map[string]string, appliesTo ...any) {
	list := make([]*cdknag.NagPackSuppression, 0, len(reasons))
	for _, id := range slices.Sorted(maps.Keys(reasons)) {
		suppression := &cdknag.NagPackSuppression{Id: jsii.String(id), Reason: jsii.String(reasons[id])}
		if len(appliesTo) > 0 {
			suppression.AppliesTo = &appliesTo
		}
		list = append(list, suppression)
	}
	cdknag.NagSuppressions_AddResourceSuppressions(construct, &list, jsii.Bool(true))
}
