package identity

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Fields of the secret that Credentials returns: what a program sends to the token endpoint by client credentials.
const (
	CredentialsTokenURL     = contract.CredentialsTokenURL
	CredentialsClientID     = contract.CredentialsClientID
	CredentialsClientSecret = contract.CredentialsClientSecret
)

// Credentials returns a secret with what a program needs to get tokens as a machine client: a JSON object of
// CredentialsTokenURL, CredentialsClientID and CredentialsClientSecret. The secret is made when it is first asked for,
// as each costs money; it panics where there is no client of that name.
func (i *Identity) Credentials(machine string) awssecretsmanager.ISecret {
	if secret, ok := i.credentials[machine]; ok {
		return secret
	}
	client, ok := i.MachineClients[machine]
	if !ok {
		refuse.By(i, fmt.Errorf("there is no machine client %q among %s", machine,
			strings.Join(i.machineNames(), ", ")))
	}
	fields := i.credentialsOf(client)
	secret := awssecretsmanager.NewSecret(i, jsii.String("Credentials-"+machine), &awssecretsmanager.SecretProps{
		Description: jsii.String("How " + machine + " gets tokens for SensorFlow"), EncryptionKey: i.key,
		SecretObjectValue: &fields, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	explainNoRotation(secret)
	i.credentials[machine] = secret
	return secret
}

// credentialsOf are the fields of a secret for a machine client.
func (i *Identity) credentialsOf(client awscognito.UserPoolClient) map[string]awscdk.SecretValue {
	plain := awscdk.SecretValue_UnsafePlainText
	return map[string]awscdk.SecretValue{
		CredentialsTokenURL: plain(i.TokenURL),
		CredentialsClientID: plain(client.UserPoolClientId()),
		CredentialsClientSecret: awscdk.SecretValue_ResourceAttribute(client.Node().
			DefaultChild().(awscognito.CfnUserPoolClient).AttrClientSecret()),
	}
}

// GrantMachineCredentials lets the grantee, a program, read the credentials of a machine client, with which it gets
// tokens that the API takes: they allow what the client's scopes do.
func (i *Identity) GrantMachineCredentials(machine string, grantee awsiam.IGrantable) awsiam.Grant {
	return GrantReadSettings(i.Credentials(machine), grantee)
}

// explainNoRotation says why no function rotates the secret.
func explainNoRotation(secret awssecretsmanager.Secret) {
	nag.Explain(secret, "Cognito makes the client's secret and offers nothing to rotate it by; a new client, which a "+
		"deployment makes, has a new one", "AwsSolutions-SMG4", "SecretsManagerRotationEnabled")
}
