package identity_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestImportSettings_CanBeReadWithTheKeyOfTheRegion(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", secondary)
	settings := identity.ImportSettings(stack, "Settings", "Flow", keyIn(stack, secondary))
	role := awsiam.NewRole(stack, jsii.String("Role"),
		&awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil)})
	identity.GrantReadSettings(settings, role)
	out := cdktest.Synth(t, app)
	out.Template(t, "Stack").Only(t, "AWS::IAM::Policy").Want(t, []any{
		map[string]any{
			"Effect": "Allow", "Action": []string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"},
			"Resource": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:Flow/identity-??????",
		},
		map[string]any{
			"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:eu-west-1:111111111111:key/mrk-0",
			"Condition": map[string]any{
				"StringEquals": map[string]any{"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"},
			},
		},
	}, "PolicyDocument", "Statement")
	got := cdktest.Panic(t, func() { identity.ImportSettings(stack, "It", "", nil) })
	for _, want := range []string{"Stack/It: name must be", "key is required"} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q: %s", want, got)
		}
	}
}

func TestReplicaActivation_LearnsThePoolFromTheSettings(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", secondary)
	identity.NewReplicaActivation(stack, "Activation", &identity.ReplicaActivationProps{
		Settings: identity.ImportSettings(stack, "Settings", "Flow", keyIn(stack, secondary)),
	})
	out := cdktest.Synth(t, app)
	out.Template(t, "Stack").Only(t, "AWS::Cognito::UserPoolRegionalConfigurationAttachment").Want(t, map[string]any{
		"Status": "ACTIVE", "UserPoolId": "{{resolve:secretsmanager:Flow/identity:SecretString:USER_POOL_ID::}}",
	})
	out.NoFindings(t)
	cdktest.RefusesToBuild(t, "Stack/It: Settings is required; give what ImportSettings returns",
		func() { identity.NewReplicaActivation(stack, "It", nil) })
}

func TestReplicaActivation_EveryPropMatters(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", secondary)
	identity.NewReplicaActivation(stack, "Activation", &identity.ReplicaActivationProps{
		Settings: identity.ImportSettings(stack, "Settings", "Other", keyIn(stack, secondary)),
	})
	text := cdktest.JSON(t, cdktest.Synth(t, app).Template(t, "Stack"))
	if !strings.Contains(text, "secretsmanager:Other/identity") {
		t.Errorf("it takes other settings: %s", text)
	}
}
