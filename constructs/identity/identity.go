package identity

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/claim"
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Identity is the user pool with its clients and the secret that tells the service about them.
//
// People are added by whoever runs the deployment, since nobody can sign up:
//
//	aws cognito-idp admin-create-user --user-pool-id ID --username ada@example.com --message-action SUPPRESS
//	aws cognito-idp admin-set-user-password --user-pool-id ID --username ada@example.com --password … --permanent
//
// The password must be permanent: the API's sign-in has no step in which to change it. Whoever may delete readings is
// put into the group contract.AdminGroup, which the pool has (admin-add-user-to-group).
type Identity struct {
	constructs.Construct

	// UserPool holds the people, new or passed in.
	UserPool awscognito.IUserPool
	// BrowserClient is the client through which the API signs people in.
	BrowserClient awscognito.UserPoolClient
	// MachineClients are the clients of programs by their names.
	MachineClients map[string]awscognito.UserPoolClient
	// Domain serves the token endpoint, new or passed in.
	Domain awscognito.IUserPoolDomain
	// Replica is the pool's replica in the first of Replicas, nil without. It answers once a ReplicaActivation is
	// deployed there.
	Replica awscognito.CfnUserPoolReplica
	// Settings is the secret whose JSON fields are named like the environment keys of the API: contract.EnvUserPoolID,
	// EnvUserPoolIssuer, EnvUserPoolClientID, EnvUserPoolClientSecret, EnvMachineClientIDs and EnvTokenURL.
	Settings awssecretsmanager.ISecret
	// SettingsRevision changes with what the template writes into Settings. A task that was started with other settings
	// must be replaced: see apiservice.ApiServiceProps.
	SettingsRevision string
	// Issuer is the `iss` of the pool's tokens.
	Issuer *string
	// TokenURL is where machines get their tokens.
	TokenURL *string

	key         awskms.IKey
	credentials map[string]awssecretsmanager.ISecret
}

// NewIdentity makes an Identity.
func NewIdentity(scope constructs.Construct, id string, props *IdentityProps) *Identity {
	region := *refuse.OutsideStack(scope, id).Region()
	p := prop.OrZero(props)
	refuse.If(scope, id, rule.All(rule.Of(p.Validate()), rule.Of(storage.ValidateReplicas(p.Replicas, region)),
		rule.Of(p.ValidateRegion(region))).Err())
	if p.Name != "" {
		refuse.If(scope, id, claim.Physical(scope, id, "Name", p.Name, claim.Of(awscdk.Stack_Of(scope)), "secret",
			SettingsName(p.Name)).Err())
	}
	if len(p.MachineClients) == 0 {
		p.MachineClients = []MachineClient{{Name: DefaultMachineClient}}
	}
	i := &Identity{
		MachineClients: map[string]awscognito.UserPoolClient{}, credentials: map[string]awssecretsmanager.ISecret{},
	}
	constructs.NewConstruct_Override(i, scope, &id)
	if p.Key == nil {
		p.Key = storage.NewKey(i, "Key", &storage.KeyProps{Disposable: p.Disposable}).Key
	}
	i.key = p.Key
	i.addPool(p)
	i.addAdmins(p)
	scopes := i.addScopes(p)
	i.addBrowserClient()
	for _, m := range p.MachineClients {
		i.MachineClients[m.Name] = i.addMachineClient(m, scopes)
	}
	i.addDomain(p)
	i.addReplica(p)
	i.addSettings(p)
	return i
}

// addReplica replicates the pool to one other region. The name of the tokens' issuer depends on that.
func (i *Identity) addReplica(p IdentityProps) {
	region := *awscdk.Stack_Of(i).Region()
	if i.Issuer = &p.UserPoolIssuer; p.UserPoolIssuer != "" {
		return
	}
	i.Issuer = jsii.String("https://cognito-idp." + region + ".amazonaws.com/" + *i.UserPool.UserPoolId())
	if p.replicated() {
		// The usual issuer names the region that signed. The primary would not accept tokens that the replica signed.
		i.Issuer = jsii.String("https://issuer-cognito-idp." + region + ".amazonaws.com/" + *i.UserPool.UserPoolId())
	}
	if len(p.Replicas) == 0 {
		return
	}
	for _, r := range []string{region, p.Replicas[0].Region} {
		if !rule.Replicates(r) {
			awscdk.Annotations_Of(i).AddWarningV2(jsii.String("sensorflow:user-pool-replica"), jsii.String(
				"Cognito did not replicate user pools in "+r+
					" when this was written; if it still does not, the deployment fails: put another region first "+
					"in Replicas"), nil)
		}
	}
	i.Replica = awscognito.NewCfnUserPoolReplica(i, jsii.String("Replica"), &awscognito.CfnUserPoolReplicaProps{
		UserPoolId: i.UserPool.UserPoolId(), RegionName: &p.Replicas[0].Region,
	})
}

// MetricSignInThrottles is how many sign-ins of people the pool refused in its primary region because there were too
// many: more than a few mean that its quota is too small, or that passwords are being guessed.
func (i *Identity) MetricSignInThrottles(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	metric := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:  jsii.String("AWS/Cognito"),
		MetricName: jsii.String("SignInThrottles"),
		Statistic:  jsii.String("Sum"),
		DimensionsMap: &map[string]*string{
			"UserPool": i.UserPool.UserPoolId(), "UserPoolClient": i.BrowserClient.UserPoolClientId(),
		},
	})
	if options == nil {
		return metric
	}
	return metric.With(options)
}

func (i *Identity) machineNames() []string {
	names := make([]string, 0, len(i.MachineClients))
	for name := range i.MachineClients {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
