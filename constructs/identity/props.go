package identity

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Mfa says whether people prove who they are by a second factor.
type Mfa int

const (
	// MfaOff asks for the password alone.
	MfaOff Mfa = iota
	// MfaOptional lets people set up an authenticator app. Whoever sets one up can no longer sign in through the API,
	// which has no second step. It is for pools whose people sign in elsewhere and bring the token.
	MfaOptional
)

// Defaults and limits. Cognito sets the limits of a token's lifetime.
const (
	// DefaultMachineClient is the name of the machine client that is made by default.
	DefaultMachineClient = "machine"
	// TokenLifetimeDefault is how long a machine's token lives, the longest that Cognito gives.
	TokenLifetimeDefault = 24 * time.Hour
	// TokenLifetimeMin is the shortest lifetime of a token that Cognito gives.
	TokenLifetimeMin = 5 * time.Minute
	// MachineClientsMax is how many machine clients a pool can have here.
	MachineClientsMax = contract.MachineClientsMax
	// PasswordCharsMin is the shortest password of a person; it needs small and capital letters, digits and symbols
	// too.
	PasswordCharsMin = 12
)

// MachineClient is an app client through which programs get tokens by client credentials.
type MachineClient struct {
	// Name tells the clients of a pool apart: 1 to 64 letters, digits and hyphens, starting with a letter. Required.
	Name string
	// Scopes are what its tokens allow: contract.ScopeRead, contract.ScopeWrite, contract.ScopeAdmin. Default: the
	// first two, so that a client can delete readings only where the third is asked for. An empty list is refused.
	Scopes []string
	// TokenLifetime is how long its tokens live, TokenLifetimeMin to 24 hours in whole minutes.
	//
	// AWS bills every token ($2.25 per 1,000 at first, 30 % more with a replica): a thousand machines with hourly
	// tokens cost about $1,640 a month, with daily ones $68, as long as they keep a token until it expires. Default:
	// TokenLifetimeDefault.
	TokenLifetime time.Duration
}

// IdentityProps configures Identity. The zero value of a field selects its default.
type IdentityProps struct {
	// Name begins the physical name of the settings secret, "<Name>/identity", by which the stacks of other regions
	// find it: 1 to 64 letters, digits and hyphens, starting with a letter. Default: CloudFormation makes the name up.
	Name string

	// Key encrypts the user pool and the settings. With Replicas it must be a multi-Region key, and its replicas must
	// exist before. Default: a new storage.Key; required with Replicas.
	Key awskms.IKey

	// Replicas are the other regions that need the settings, the first of which also gets the replica of the user pool,
	// since Cognito replicates a pool to one other region at most: people who reach the remaining regions are signed in
	// by the primary. Do not change the first one: another first region replaces the pool's replica.
	//
	// With the first replica the issuer of the tokens gets another name, under which both regions accept them. Older
	// tokens are then refused, and everybody signs in once more. Where the last one goes, set KeepIssuer. Default: none.
	Replicas []storage.Replica

	// KeepIssuer lets a pool that has had a replica, and has none any more, issue tokens under the same name as before:
	// nobody has to sign in again when the second region leaves. Default: the name follows from Replicas.
	KeepIssuer bool

	// FailoverHealthCheck is the Route 53 health check by which the token endpoint moves to the pool's replica: Cognito
	// routes to the primary as long as it is healthy. Only with Replicas. Default: none. Machines then get no new
	// tokens while the primary region is down. The tokens that they have go on working, for up to a day.
	FailoverHealthCheck awsroute53.IHealthCheck

	// MachineClients are the clients of programs, MachineClientsMax at most. Default: one named DefaultMachineClient.
	MachineClients []MachineClient

	// DomainPrefix begins the address of the token endpoint: 1 to 63 lower-case letters, digits and hyphens, without
	// "aws", "amazon" or "cognito", unique in the region among all of AWS's customers. Default: a text made of the ids
	// of construct and stack, which stays as long as the stack does.
	DomainPrefix string

	// UserPool is an existing user pool of the stack's own account and region. Clients, scopes and the group of admins
	// are made in it; the pool and its people stay as they are. It needs the Essentials or Plus plan and sign-in by
	// password without a second factor, and it must not have a resource server named contract.ResourceServer or a
	// group named contract.AdminGroup yet: nothing at synthesis can tell. Not with Replicas, Mfa and
	// FailoverHealthCheck. Default: a new pool.
	UserPool awscognito.IUserPool
	// UserPoolDomain is the address that UserPool has already, by a prefix or of its own: a pool takes one prefix. Only
	// with UserPool. Default: a new one, as DomainPrefix says.
	UserPoolDomain awscognito.IUserPoolDomain
	// UserPoolIssuer is the `iss` of UserPool's tokens, where its issuer type is not the original one. Only with
	// UserPool. Default: the original one, https://cognito-idp.<region>.amazonaws.com/<pool id>.
	UserPoolIssuer string

	// Mfa is whether people may use a second factor. Default: MfaOff, since the API's own sign-in takes a password
	// alone.
	Mfa Mfa

	// Disposable lets a new pool, with its people, be deleted with its stack. For test environments.
	// Default: deletion protection, and the pool stays when its stack goes.
	Disposable bool
}

var prefixPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Validate returns every problem of the props that can be seen without the stack.
func (p IdentityProps) Validate() error {
	var named rule.Faults
	if p.Name != "" {
		named = rule.Name("Name", p.Name, contract.NameCharsMax)
	}
	if p.DomainPrefix != "" {
		named = append(named, prop.Known(prefixFaults(p.DomainPrefix))...)
	}
	return rule.All(
		named,
		rule.Fault{
			Field: "Key", Rule: "is required with Replicas", Advice: "give the multi-Region key of the stack's region",
		}.If(len(p.Replicas) > 0 && p.Key == nil),
		rule.Fault{
			Field: "FailoverHealthCheck", Rule: "needs Replicas, got none to fail over to", Advice: "leave it out",
		}.If(p.FailoverHealthCheck != nil && len(p.Replicas) == 0),
		rule.Fault{
			Field: "Mfa", Rule: "must be MfaOff or MfaOptional", Got: int(p.Mfa),
		}.If(p.Mfa != MfaOff && p.Mfa != MfaOptional),
		machineFaults(p.MachineClients),
		p.existingFaults(),
	).Err()
}

func prefixFaults(prefix string) rule.Faults {
	const key = "DomainPrefix"
	faults := rule.Text(key, prefix, prefixPattern.MatchString(prefix),
		"1 to 63 lower-case letters, digits and hyphens, no hyphen at the ends")
	for _, word := range []string{"aws", "amazon", "cognito"} {
		faults = rule.All(faults, rule.Fault{
			Field: key, Rule: fmt.Sprintf("must not contain %q, which Cognito reserves", word), Got: prefix,
		}.If(strings.Contains(prefix, word)))
	}
	return faults
}

func machineFaults(clients []MachineClient) rule.Faults {
	var all []rule.MachineClient
	var rest rule.Faults
	for i, c := range clients {
		key := fmt.Sprintf("MachineClients[%d].", i)
		all = append(all, rule.MachineClient{
			NameKey: key + "Name", Name: c.Name, ScopesKey: key + "Scopes[*]", Scopes: c.Scopes,
		})
		rest = append(rest, lifetimeFaults(key+"TokenLifetime", c.TokenLifetime)...)
	}
	return rule.All(rule.MachineClients("MachineClients", all), rest)
}

func lifetimeFaults(key string, got time.Duration) rule.Faults {
	return rule.Fault{
		Field: key, Got: got,
		Rule: "must be " + rule.Show(TokenLifetimeMin) + " to " + rule.Show(TokenLifetimeDefault) +
			" in whole minutes",
	}.If(got != 0 && (got < TokenLifetimeMin || got > TokenLifetimeDefault || got%time.Minute != 0))
}

// replicated tells whether the issuer has the name that all regions accept.
func (p IdentityProps) replicated() bool { return len(p.Replicas) > 0 || p.KeepIssuer }
