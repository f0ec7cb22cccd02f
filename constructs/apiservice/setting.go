package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/identity"
)

// setting is a field of the settings as a container takes it. The CDK's own secret of a container would let the role
// that starts tasks describe the settings, too, which ECS does not do.
type setting struct {
	awsecs.Secret

	settings awssecretsmanager.ISecret
	field    string
}

func newSetting(settings awssecretsmanager.ISecret, field string) awsecs.Secret {
	s := &setting{settings: settings, field: field}
	awsecs.NewSecret_Override(s)
	return s
}

// Arn is the address that ECS knows the field by.
func (s *setting) Arn() *string { return jsii.String(*s.settings.SecretArn() + ":" + s.field + "::") }

// HasField says that the address names a field.
func (s *setting) HasField() *bool { return jsii.Bool(true) }

// GrantRead is asked for by the container, for the role that starts tasks.
func (s *setting) GrantRead(grantee awsiam.IGrantable) awsiam.Grant {
	return identity.GrantReadSettings(s.settings, grantee)
}
