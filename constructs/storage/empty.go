package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// emptyingProvider is the id that the CDK gives, in each stack, to what empties buckets.
const emptyingProvider = "Custom::S3AutoDeleteObjectsCustomResourceProvider"

// EmptiedWithStack completes what AutoDeleteObjects makes for a bucket: a function of the CDK that empties the bucket
// before it is deleted. At that moment load balancer, CloudFront and S3 may still have log files to deliver, so the
// function first denies every writer: nothing comes after it has emptied the bucket, and what is not delivered is lost
// with the rest. For buckets of what is disposable alone.
//
// The function would log into a group that Lambda makes, and that nobody deletes, with a policy that allows writing to
// any group. Here it has a group of its own, which goes with the stack.
func EmptiedWithStack(bucket awss3.Bucket, key awskms.IKey) {
	provider := awscdk.Stack_Of(bucket).Node().FindChild(jsii.String(emptyingProvider)).(constructs.Construct)
	if provider.Node().TryFindChild(jsii.String("Log")) != nil {
		return // that of an earlier bucket
	}
	log := awslogs.NewLogGroup(provider, jsii.String("Log"), &awslogs.LogGroupProps{
		EncryptionKey: key, Retention: awslogs.RetentionDays_ONE_WEEK, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	write := awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents"), Resources: &[]*string{log.LogGroupArn()},
	})
	role := provider.Node().FindChild(jsii.String("Role")).(awscdk.CfnResource)
	role.AddPropertyDeletionOverride(jsii.String("ManagedPolicyArns"))
	role.AddPropertyOverride(jsii.String("Policies"), []map[string]any{{
		"PolicyName": "Log",
		"PolicyDocument": map[string]any{
			"Version": "2012-10-17", "Statement": []any{write.ToStatementJson()},
		},
	}})
	provider.Node().FindChild(jsii.String("Handler")).(awscdk.CfnResource).
		AddPropertyOverride(jsii.String("LoggingConfig"), map[string]any{"LogGroup": log.LogGroupName()})
}
