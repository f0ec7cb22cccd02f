package identity

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// SmokeTestName is the physical name of the secret of a deployment with the credentials of its smoke tests.
func SmokeTestName(name string) string { return name + "/" + contract.SmokeTestClient }

// addSmokeTestClient makes the machine client of the smoke tests. A smoke test takes a token of its own and is over
// within minutes, and so its tokens are.
func (i *Identity) addSmokeTestClient(scopes map[string]awscognito.OAuthScope) {
	i.MachineClients[contract.SmokeTestClient] = i.addMachineClient(MachineClient{
		Name: contract.SmokeTestClient, Scopes: contract.Scopes(), TokenLifetime: TokenLifetimeMin,
	}, scopes)
}

// addSmokeTestCredentials makes the secret with which the smoke tests of all regions get their tokens.
func (i *Identity) addSmokeTestCredentials(p IdentityProps) {
	fields := i.credentialsOf(i.MachineClients[contract.SmokeTestClient])
	props := &awssecretsmanager.SecretProps{
		Description: jsii.String("How the smoke tests of SensorFlow get tokens"), EncryptionKey: p.Key,
		SecretObjectValue: &fields, RemovalPolicy: awscdk.RemovalPolicy_DESTROY, ReplicaRegions: secretReplicas(p),
	}
	if p.Name != "" {
		props.SecretName = jsii.String(SmokeTestName(p.Name))
	}
	secret := awssecretsmanager.NewSecret(i, jsii.String("SmokeTest"), props)
	explainNoRotation(secret)
	i.SmokeTest = secret
}

// ImportSmokeTest finds the credentials of the smoke tests of a deployment in the stack's own region, as
// ImportSettings finds the settings.
func ImportSmokeTest(scope constructs.Construct, id, name string, key awskms.IKey) awssecretsmanager.ISecret {
	refuse.OutsideStack(scope, id)
	refuse.If(scope, id, importFaults(name, key).Err())
	return importSecret(scope, id, SmokeTestName(name), key)
}
