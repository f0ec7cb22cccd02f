package identity_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestCredentials_AreMadeOnceAndReadByWhomTheyAreGrantedTo(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", primary)
	i := identity.NewIdentity(stack, "Identity", nil)
	role := awsiam.NewRole(stack, jsii.String("Gateway"),
		&awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("ec2.amazonaws.com"), nil)})
	i.GrantMachineCredentials(identity.DefaultMachineClient, role)
	if i.Credentials(identity.DefaultMachineClient) != i.Credentials(identity.DefaultMachineClient) {
		t.Error("each call makes another secret")
	}
	cdktest.RefusesToBuild(t, `Stack/Identity: there is no machine client "gone" among machine, smoketest`,
		func() { i.Credentials("gone") })
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	secret := template.Find(t, "AWS::SecretsManager::Secret", "IdentityCredentials")
	client := template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityMachineClientmachine").ID
	text := strings.NewReplacer("\n", "", " ", "").Replace(cdktest.JSON(t, secret.Property("SecretString")))
	for _, want := range []string{
		`{"Fn::GetAtt":["` + client + `","ClientSecret"]}`, `{"Ref":"` + client + `"}`, `/oauth2/token`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the credentials lack %s: %s", want, text)
		}
	}
	policy := cdktest.JSON(t, template.Find(t, "AWS::IAM::Policy", "Gateway").Body)
	if !strings.Contains(policy, secret.ID) || !strings.Contains(policy, "kms:Decrypt") ||
		strings.Contains(policy, "kms:Encrypt") {
		t.Errorf("the gateway may do something else than read: %s", policy)
	}
	out.LeastPrivilege(t)
	for _, f := range out.Findings(t) {
		if f.Reason == "" && strings.HasPrefix(f.Resource, "Stack/Identity/") {
			t.Errorf("%s: %s: %s", f.Resource, f.Rule, f.Info)
		}
	}
}
