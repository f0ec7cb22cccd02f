// Package statement writes the statements of policies.
package statement

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
)

// Allow allows actions on one resource.
func Allow(resource *string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(actions...), Resources: &[]*string{resource},
	})
}

// Secret is the resource by which policies name a secret. Secrets Manager makes the end of its ARN up, which is not
// known of a secret that was found by its name.
func Secret(secret awssecretsmanager.ISecret) *string {
	if full := secret.SecretFullArn(); full != nil {
		return full
	}
	return jsii.String(*secret.SecretArn() + "-??????")
}
