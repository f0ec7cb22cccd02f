package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"
)

// useActions encrypt and decrypt. AWS's examples write kms:ReEncrypt* and kms:GenerateDataKey*, which also allow to
// make key pairs. Here each action is named.
func useActions() *[]*string {
	return jsii.Strings("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
		"kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo")
}

// accountActions are what the account may delegate to its users and roles by their own policies: all that can be done
// with a symmetric key, each action by its name. Without kms:PutKeyPolicy KMS would refuse the policy, since nobody
// could ever change it.
func accountActions() *[]*string {
	actions := append(*useActions(), *jsii.Strings(
		"kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:DisableKey",
		"kms:DisableKeyRotation",
		"kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants",
		"kms:ListKeyPolicies",
		"kms:ListKeyRotations", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RetireGrant",
		"kms:RevokeGrant",
		"kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
		"kms:UpdateKeyDescription", "kms:UpdatePrimaryRegion")...)
	return &actions
}

// keyPolicy is the policy of a key or replica in the stack's region. Replicas share a key's material, not its policy.
//
// DynamoDB, Secrets Manager, S3 and SQS act with the rights of the caller, whose own policy must name the key: they
// need no statement. The services below act on their own behalf.
func keyPolicy(stack awscdk.Stack, bucketEvents bool) awsiam.PolicyDocument {
	account, region, partition := *stack.Account(), *stack.Region(), *stack.Partition()
	fromAccount := map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": account}}
	logs := map[string]any{"ArnLike": map[string]any{
		"kms:EncryptionContext:aws:logs:arn": "arn:" + partition + ":logs:" + region + ":" + account + ":log-group:*",
	}}
	statements := []awsiam.PolicyStatement{
		statement("Account", awsiam.NewAccountRootPrincipal(), accountActions(), nil),
		// The log groups of this account and region. Each names itself in the encryption context.
		statement("Logs", service("logs."+region+".amazonaws.com"), useActions(), logs),
		// Events of the uploads bucket go to an encrypted queue, alarms to an encrypted topic.
		statement("S3Events", service("s3.amazonaws.com"), jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"),
			fromAccount),
		statement("Alarms", service("cloudwatch.amazonaws.com"), jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"),
			fromAccount),
		// The user pool, which also signs people in while nobody in this account calls it.
		statement("UserPool", service("cognito-idp.amazonaws.com"), useActions(), fromAccount),
	}
	if bucketEvents {
		statements = append(statements, statement("BucketEvents", service("events.amazonaws.com"),
			jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"), fromAccount))
	}
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements})
}

func service(name string) awsiam.IPrincipal { return awsiam.NewServicePrincipal(&name, nil) }

func statement(
	sid string, principal awsiam.IPrincipal, actions *[]*string, conditions map[string]any,
) awsiam.PolicyStatement {
	props := &awsiam.PolicyStatementProps{
		Sid: &sid, Principals: &[]awsiam.IPrincipal{principal}, Actions: actions,
		Resources: jsii.Strings("*"), // in a key's policy: this key
	}
	if conditions != nil {
		props.Conditions = &conditions
	}
	return awsiam.NewPolicyStatement(props)
}

// GrantThrough lets the grantee use the key for the given actions, through one service of the key's region only, such
// as "sqs".
func (k *Key) GrantThrough(service string, grantee awsiam.IGrantable, actions ...string) awsiam.Grant {
	return grantThrough(k.Key, service, grantee, actions...)
}

// GrantThrough lets the grantee use the key for the given actions, through one service of the key's region only, such
// as "sqs".
func (k *ReplicaKey) GrantThrough(service string, grantee awsiam.IGrantable, actions ...string) awsiam.Grant {
	return grantThrough(k.Key, service, grantee, actions...)
}

// grantThrough adds the statement to the grantee. The CDK's principal for a service that acts for another
// (ViaServicePrincipal) adds statements only to keys of the same app, and none, without a warning, for an imported key.
func grantThrough(key awskms.IKey, service string, grantee awsiam.IGrantable, actions ...string) awsiam.Grant {
	endpoint := service + "." + *awscdk.Stack_Of(key).Region() + ".amazonaws.com"
	return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: grantee, Actions: jsii.Strings(actions...), ResourceArns: &[]*string{key.KeyArn()},
		Conditions: &map[string]*map[string]any{"StringEquals": {"kms:ViaService": endpoint}},
	})
}
