package identity

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sensorflow/sensorflow/constructs/storage"
)

// Mfa says whether people prove who they are by a second factor.
type Mfa int

const (
	// MfaOff asks for the password alone.
	MfaOff Mfa = iota
	// MfaOptional lets people set up an authenticator app.
	MfaOptional
)

// MachineClient is an app client through which programs get tokens by client credentials.
type MachineClient struct {
	// Name tells the clients of a pool apart: 1 to 64 letters, digits and hyphens, starting with a letter. Required.
	Name string
	// Scopes are what its tokens allow: contract.ScopeRead, contract.ScopeWrite. Default: both.
	Scopes []string
	// TokenLifetime is how long its tokens live, 5 minutes to 24 hours in whole minutes.
	//
	// AWS bills every token ($2.25 per 1,000 at first, 30 % more with a replica): a thousand machines with hourly tokens cost about
	// $1,640 a month, with daily ones $68, as long as they keep a token until it expires. Default: 24 hours.
	TokenLifetime time.Duration
}

// IdentityProps configures Identity. The zero value of a field selects its default.
type IdentityProps struct { //nolint:revive // the name that the CDK's users look for
	// Name begins the physical name of the settings secret, "<Name>/identity", by which the stacks of other regions find it.
	// Default: CloudFormation makes the name up.
	Name string

	// Key encrypts the user pool and the settings. With Replicas it must be a multi-Region key. Default: a new storage.Key.
	Key awskms.IKey

	// Replicas are the other regions that need the settings, the first of which also gets the replica of the user pool, since
	// Cognito replicates a pool to one other region at most: people who reach the remaining regions are signed in by the primary.
	// Default: none.
	Replicas []storage.Replica

	// MachineClients are the clients of programs. Default: one named DefaultMachineClient.
	MachineClients []MachineClient

	// DomainPrefix begins the address of the token endpoint: 1 to 63 lower-case letters, digits and hyphens, unique in the
	// region among all of AWS. Default: made from account, region and the construct's path, and stable.
	DomainPrefix string

	// Mfa is whether people may use a second factor. Default: MfaOff, since the API's own sign-in takes a password alone.
	Mfa Mfa

	// Disposable lets the pool, with its users, be deleted with its stack. For test environments.
	// Default: deletion protection, and the pool stays when its stack goes.
	Disposable bool
}

// DefaultMachineClient is the name of the machine client that exists without being asked for.
const DefaultMachineClient = "machine"

// Identity is the user pool with its clients and the secret that tells the service about them.
type Identity struct {
	constructs.Construct

	// UserPool holds the people.
	UserPool awscognito.UserPool
	// BrowserClient is the client through which the API signs people in.
	BrowserClient awscognito.UserPoolClient
	// MachineClients are the clients of programs by their names.
	MachineClients map[string]awscognito.UserPoolClient
	// Domain serves the token endpoint.
	Domain awscognito.UserPoolDomain
	// Settings is the secret whose JSON fields are named like the environment keys of the API: contract.EnvUserPoolID,
	// EnvUserPoolIssuer, EnvUserPoolClientID, EnvUserPoolClientSecret, EnvMachineClientIDs and EnvTokenURL.
	Settings awssecretsmanager.ISecret
	// Issuer is the `iss` of the pool's tokens.
	Issuer *string
	// TokenURL is where machines get their tokens.
	TokenURL *string
}

// ReplicaActivationProps configures a ReplicaActivation.
type ReplicaActivationProps struct {
	// Settings is the replica of the settings in the stack's own region, from ImportSettings. Required.
	Settings awssecretsmanager.ISecret
}

// ReplicaActivation makes the replica of the user pool in the stack's own region answer: it starts inactive.
type ReplicaActivation struct {
	constructs.Construct
}
