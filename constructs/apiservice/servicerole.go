package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/storage"
)

// addServiceRole makes the role with which ECS acts in the account, where it is not there yet. In a new account ECS
// makes it with the first cluster and uses it in the same moment, before the role is known everywhere, so that the
// first deployment fails. CloudFormation's own resource for such roles fails where the role exists, and it would delete
// it with the stack, although it belongs to the whole account. The other services that have such roles wait for them.
func (a *ApiService) addServiceRole(p ApiServiceProps) constructs.IDependable {
	const service, role = "ecs.amazonaws.com", "AWSServiceRoleForECS"
	return storage.Call(constructs.NewConstruct(a, jsii.String("ServiceRole")), "Call", storage.CallProps{
		Type: "Custom::SensorFlowServiceRole", Key: p.Key,
		Do: &customresources.AwsSdkCall{
			Service: jsii.String("IAM"), Action: jsii.String("createServiceLinkedRole"),
			Parameters: map[string]any{"AWSServiceName": service}, OutputPaths: jsii.Strings("Role.Arn"),
			// IAM answers the first where the role "has been taken", since the only input is the constant above, and the
			// second for roles of other kinds.
			IgnoreErrorCodesMatching: jsii.String("^(InvalidInput|EntityAlreadyExists)"),
			PhysicalResourceId:       customresources.PhysicalResourceId_Of(jsii.String(role)),
		},
		Allow: awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("iam:CreateServiceLinkedRole"),
			Resources: &[]*string{awscdk.Stack_Of(a).FormatArn(&awscdk.ArnComponents{
				Service: jsii.String("iam"), Region: jsii.String(""),
				Resource: jsii.String("role"), ResourceName: jsii.String("aws-service-role/" + service + "/" + role),
			})},
			Conditions: &map[string]any{"StringEquals": map[string]any{"iam:AWSServiceName": service}},
		}),
	})
}
