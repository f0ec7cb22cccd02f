package identity_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/storage"
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
			"Effect": "Allow", "Action": "secretsmanager:GetSecretValue",
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

func TestReplicaActivation_IsOfThePoolThatIsGiven(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", secondary)
	id := *awscdk.Fn_GetStackOutput(jsii.String("State"), jsii.String("UserPoolId"), jsii.String(primary), nil)
	identity.NewReplicaActivation(stack, "Activation", &identity.ReplicaActivationProps{UserPoolId: id})
	out := cdktest.Synth(t, app)
	out.Template(t, "Stack").Only(t, "AWS::Cognito::UserPoolRegionalConfigurationAttachment").Want(t, map[string]any{
		"Status": "ACTIVE", "UserPoolId": map[string]any{"Fn::GetStackOutput": map[string]any{
			"StackName": "State", "OutputName": "UserPoolId", "Region": primary,
		}},
	})
	out.NoFindings(t)
	cdktest.RefusesToBuild(t, "Stack/It: UserPoolId is required; give the id of the user pool",
		func() { identity.NewReplicaActivation(stack, "It", nil) })
}

// TestSettingsRevision_ChangesWithWhatTasksRead compares the revisions of pools whose settings differ, and of some
// whose settings do not.
func TestSettingsRevision_ChangesWithWhatTasksRead(t *testing.T) {
	revision := func(change func(awscdk.Stack, *identity.IdentityProps)) string {
		stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", primary)
		props := identity.IdentityProps{Key: keyIn(stack, primary)}
		change(stack, &props)
		return identity.NewIdentity(stack, "Identity", &props).SettingsRevision
	}
	clients := func(names ...string) func(awscdk.Stack, *identity.IdentityProps) {
		return func(_ awscdk.Stack, p *identity.IdentityProps) {
			for _, name := range names {
				p.MachineClients = append(p.MachineClients, identity.MachineClient{Name: name})
			}
		}
	}
	seen := map[string]string{}
	for name, change := range map[string]func(awscdk.Stack, *identity.IdentityProps){
		"one client": clients("machine"), "another client": clients("gateway"),
		"two clients": clients("machine", "gateway"),
		"a replica": func(s awscdk.Stack, p *identity.IdentityProps) {
			p.Replicas = []storage.Replica{{Region: secondary, Key: keyIn(s, secondary)}}
		},
		"another token endpoint": func(_ awscdk.Stack, p *identity.IdentityProps) { p.DomainPrefix = "flow" },
	} {
		got := revision(change)
		if len(got) != 16 || seen[got] != "" {
			t.Errorf("%s: the revision is %q, that of %q", name, got, seen[got])
		}
		seen[got] = name
	}
	same := revision(clients("machine"))
	if got := revision(func(awscdk.Stack, *identity.IdentityProps) {}); got != same {
		t.Errorf("the default client makes another revision: %s and %s", got, same)
	}
	if got := revision(func(_ awscdk.Stack, p *identity.IdentityProps) { p.Disposable = true }); got != same {
		t.Errorf("what is not in the settings makes another revision: %s and %s", got, same)
	}
}
