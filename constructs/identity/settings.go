package identity

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/constructs/internal/statement"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// SettingsName is the physical name of the settings secret of a deployment.
func SettingsName(name string) string { return name + "/identity" }

// SettingsFields are the JSON fields of the settings secret, each named like the environment key that takes it.
func SettingsFields() []string {
	return []string{
		contract.EnvUserPoolID, contract.EnvUserPoolIssuer, contract.EnvUserPoolClientID,
		contract.EnvUserPoolClientSecret,
		contract.EnvMachineClientIDs, contract.EnvTokenURL,
	}
}

// addSettings fills the secret. CloudFormation reads the client's secret from Cognito and writes it, so that it stands
// in no template. The secret holds nothing that the pool does not hold, and is therefore deleted with its stack.
func (i *Identity) addSettings(p IdentityProps) {
	machines := make([]string, 0, len(i.MachineClients))
	for _, name := range i.machineNames() {
		machines = append(machines, *i.MachineClients[name].UserPoolClientId())
	}
	plain := awscdk.SecretValue_UnsafePlainText
	browser := i.BrowserClient.Node().DefaultChild().(awscognito.CfnUserPoolClient)
	fields := map[string]awscdk.SecretValue{
		contract.EnvUserPoolID:           plain(i.UserPool.UserPoolId()),
		contract.EnvUserPoolIssuer:       plain(i.Issuer),
		contract.EnvUserPoolClientID:     plain(i.BrowserClient.UserPoolClientId()),
		contract.EnvUserPoolClientSecret: awscdk.SecretValue_ResourceAttribute(browser.AttrClientSecret()),
		contract.EnvMachineClientIDs:     plain(jsii.String(strings.Join(machines, ","))),
		contract.EnvTokenURL:             plain(i.TokenURL),
	}
	props := &awssecretsmanager.SecretProps{
		Description: jsii.String("What the API of SensorFlow needs to know about its user pool"), EncryptionKey: p.Key,
		SecretObjectValue: &fields, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	}
	if p.Name != "" {
		props.SecretName = jsii.String(SettingsName(p.Name))
	}
	props.ReplicaRegions = secretReplicas(p)
	secret := awssecretsmanager.NewSecret(i, jsii.String("Settings"), props)
	i.Settings = secret
	i.SettingsRevision = revisionOf(secret, p.DomainPrefix)
	explainNoRotation(secret)
}

// secretReplicas are the regions that need the pool's secrets besides its own; nil for none.
func secretReplicas(p IdentityProps) *[]*awssecretsmanager.ReplicaRegion {
	if len(p.Replicas) == 0 {
		return nil
	}
	var replicas []*awssecretsmanager.ReplicaRegion
	for _, r := range p.Replicas {
		replicas = append(replicas, &awssecretsmanager.ReplicaRegion{
			Region: jsii.String(r.Region), EncryptionKey: r.Key,
		})
	}
	return &replicas
}

// revisionOf is a text that changes with what the secret holds. It is computed at synthesis and refers to nothing, so
// that it can stand in the stack of any region. What the template writes into the secret names pool, clients and
// address by their logical ids; of these only the address can become another one under the same id.
func revisionOf(secret awssecretsmanager.Secret, domainPrefix string) string {
	text := secret.Node().DefaultChild().(awssecretsmanager.CfnSecret).SecretString()
	resolved, err := json.Marshal(awscdk.Stack_Of(secret).Resolve([]*string{text, &domainPrefix}))
	if err != nil {
		panic(fmt.Errorf("encode the settings: %w", err)) // the CDK resolves to what JSON knows
	}
	return fmt.Sprintf("%x", sha256.Sum256(resolved))[:16]
}

// ImportSettings finds the settings of a deployment in the stack's own region, by the Name that its Identity was made
// with. key encrypts them there.
func ImportSettings(scope constructs.Construct, id, name string, key awskms.IKey) awssecretsmanager.ISecret {
	refuse.OutsideStack(scope, id)
	refuse.If(scope, id, importFaults(name, key).Err())
	return importSecret(scope, id, SettingsName(name), key)
}

func importFaults(name string, key awskms.IKey) rule.Faults {
	return rule.All(
		rule.Name("name", name, contract.NameCharsMax),
		prop.Required("key", key == nil, "the key of the stack's region"),
	)
}

// importSecret finds a secret by its name.
func importSecret(scope constructs.Construct, id, name string, key awskms.IKey) awssecretsmanager.ISecret {
	return awssecretsmanager.Secret_FromSecretAttributes(scope, &id, &awssecretsmanager.SecretAttributes{
		SecretPartialArn: awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
			Service:      jsii.String("secretsmanager"),
			Resource:     jsii.String("secret"),
			ResourceName: &name,
			ArnFormat:    awscdk.ArnFormat_COLON_RESOURCE_NAME,
		}),
		EncryptionKey: key,
	})
}

// GrantReadSettings lets the grantee, the role that starts the API's tasks, read the settings and use their key for
// that alone. The secret's own GrantRead also lets it describe the secret, which nobody does, and leaves an imported
// key out, which the keys of this module are.
func GrantReadSettings(settings awssecretsmanager.ISecret, grantee awsiam.IGrantable) awsiam.Grant {
	granted := awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: grantee, Actions: jsii.Strings("secretsmanager:GetSecretValue"),
		ResourceArns: &[]*string{statement.Secret(settings)},
	})
	if settings.EncryptionKey() == nil {
		return granted
	}
	return granted.Combine(awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings("kms:Decrypt"),
		ResourceArns: &[]*string{settings.EncryptionKey().KeyArn()},
		Conditions: &map[string]*map[string]any{"StringEquals": {
			"kms:ViaService": "secretsmanager." + *awscdk.Stack_Of(settings).Region() + ".amazonaws.com",
		}},
	}))
}

// ReplicaActivationProps configures a ReplicaActivation.
type ReplicaActivationProps struct {
	// UserPoolId is the id of the pool, which its replica shares. Between the stacks of an app
	// awscdk.Fn_GetStackOutput gives it from an output of the pool's stack. Required.
	UserPoolId string
}

// Validate returns every problem of the props.
func (p ReplicaActivationProps) Validate() error {
	return prop.Required("UserPoolId", p.UserPoolId == "", "the id of the user pool").Err()
}

// ReplicaActivation makes the replica of the user pool in the stack's own region answer: it starts inactive. It belongs
// in a stack of the first of IdentityProps.Replicas, deployed after the pool's.
type ReplicaActivation struct {
	constructs.Construct

	resource awscognito.CfnUserPoolRegionalConfigurationAttachment
}

// NewReplicaActivation makes a ReplicaActivation.
func NewReplicaActivation(scope constructs.Construct, id string, props *ReplicaActivationProps) *ReplicaActivation {
	refuse.OutsideStack(scope, id)
	p := prop.OrZero(props)
	refuse.If(scope, id, p.Validate())
	a := &ReplicaActivation{}
	constructs.NewConstruct_Override(a, scope, &id)
	a.resource = awscognito.NewCfnUserPoolRegionalConfigurationAttachment(a, jsii.String("Resource"),
		&awscognito.CfnUserPoolRegionalConfigurationAttachmentProps{
			UserPoolId: &p.UserPoolId,
			Status:     jsii.String("ACTIVE"),
		})
	return a
}

// Resource is the attachment itself, for what the props do not offer: mail, messages and triggers of the replica. It is
// a method and not a field, since jsii accepts only types that have a method as constructs.
func (a *ReplicaActivation) Resource() awscognito.CfnUserPoolRegionalConfigurationAttachment {
	return a.resource
}
