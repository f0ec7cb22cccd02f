package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/nag"
)

// newTaskRole makes the role that the API's calls are signed with. Signing in needs no permission: the pool's client
// proves itself by its secret.
func (a *ApiService) newTaskRole(p ApiServiceProps) awsiam.Role {
	policy := awsiam.NewManagedPolicy(a, jsii.String("TaskPolicy"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("What the API calls"),
	})
	p.Tables.GrantSendReadings(policy)
	p.Tables.GrantReadReadings(policy)
	p.Tables.GrantReadAggregates(policy)
	p.Tables.GrantRevokeTokens(policy)
	p.Uploads.GrantTakeUploads(policy)
	return awsiam.NewRole(a, jsii.String("TaskRole"), &awsiam.RoleProps{
		AssumedBy:       fromAccount(a, "ecs-tasks.amazonaws.com"),
		ManagedPolicies: &[]awsiam.IManagedPolicy{policy},
	})
}

// newExecutionRole makes the role by which ECS starts tasks. What it may do is added with the container: reading the
// settings, pulling the image, from exactly its repository, and writing to exactly the log group.
func (a *ApiService) newExecutionRole() awsiam.Role {
	return awsiam.NewRole(a, jsii.String("ExecutionRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil),
	})
}

// explainExecutionRole must be called when the role has all its permissions: cdk-nag keeps a reason with the policies
// that exist.
func explainExecutionRole(role awsiam.Role) {
	nag.ExplainInlinePolicies(role)
	nag.ExplainWildcards(role, "ecr:GetAuthorizationToken knows no resources; what the token opens is decided by the "+
		"statement on the image's repository", "Resource::*")
}

// fromAccount is a service that acts for this account only. Resources of another account cannot make it use our role.
func fromAccount(scope constructs.Construct, service string) awsiam.IPrincipal {
	return awsiam.NewServicePrincipal(&service, &awsiam.ServicePrincipalOpts{
		Conditions: &map[string]any{"StringEquals": map[string]any{
			"aws:SourceAccount": awscdk.Stack_Of(scope).Account(),
		}},
	})
}
