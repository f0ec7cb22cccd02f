package identity

import (
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// addPool makes the pool. Who may use the service is decided by whoever runs it, so nobody signs up by themselves.
func (i *Identity) addPool(p IdentityProps) {
	if p.UserPool != nil {
		i.UserPool = p.UserPool
		return
	}
	props := &awscognito.UserPoolProps{
		FeaturePlan: awscognito.FeaturePlan_ESSENTIALS,
		PasswordPolicy: &awscognito.PasswordPolicy{
			MinLength: jsii.Number(PasswordCharsMin), RequireDigits: jsii.Bool(true), RequireLowercase: jsii.Bool(true),
			RequireUppercase: jsii.Bool(true), RequireSymbols: jsii.Bool(true),
		},
		SelfSignUpEnabled: jsii.Bool(false),
		SignInAliases:     &awscognito.SignInAliases{Email: jsii.Bool(true)}, SignInCaseSensitive: jsii.Bool(false),
		AutoVerify:         &awscognito.AutoVerifiedAttrs{Email: jsii.Bool(true)},
		AccountRecovery:    awscognito.AccountRecovery_EMAIL_ONLY,
		Mfa:                awscognito.Mfa_OFF,
		DeletionProtection: jsii.Bool(!p.Disposable),
		RemovalPolicy:      removal.Policy(p.Disposable),
	}
	if p.Mfa == MfaOptional {
		props.Mfa = awscognito.Mfa_OPTIONAL
		props.MfaSecondFactor = &awscognito.MfaSecondFactor{Otp: jsii.Bool(true), Sms: jsii.Bool(false)}
	}
	pool := awscognito.NewUserPool(i, jsii.String("UserPool"), props)
	i.UserPool = pool
	resource := pool.Node().DefaultChild().(awscognito.CfnUserPool)
	resource.SetKeyConfiguration(&awscognito.CfnUserPool_KeyConfigurationProperty{
		KeyType: jsii.String("CUSTOMER_MANAGED_KEY"), KmsKeyArn: p.Key.KeyArn(),
	})
	if p.replicated() {
		resource.SetIssuerConfiguration(&awscognito.CfnUserPool_IssuerConfigurationProperty{
			Type: jsii.String("UPDATED"),
		})
	}
	nag.Explain(pool, "the API's sign-in takes a password and has no second step; guessing is bounded by the "+
		"API, by the pool's lockout and by the firewall, and deployments that sign people in elsewhere can set Mfa",
		"AwsSolutions-COG2")
	nag.Explain(pool, "the Plus plan adds threat protection and costs more per person; the API limits failed "+
		"sign-ins per person and address itself, and the Essentials plan has all else that the service uses, "+
		"replication included", "AwsSolutions-COG8")
}

// addAdmins makes the group whose people may delete readings. It stays and goes with the pool.
func (i *Identity) addAdmins(p IdentityProps) {
	group := awscognito.NewUserPoolGroup(i, jsii.String("Admins"), &awscognito.UserPoolGroupProps{
		UserPool: i.UserPool, GroupName: jsii.String(contract.AdminGroup),
		Description: jsii.String("People who may delete readings"),
	})
	group.ApplyRemovalPolicy(removal.Policy(p.Disposable))
}

// addScopes makes the resource server that the scopes of machines belong to.
func (i *Identity) addScopes(p IdentityProps) map[string]awscognito.OAuthScope {
	described := map[string]string{
		contract.ScopeRead: "Query readings and aggregates", contract.ScopeWrite: "Send readings and files",
		contract.ScopeAdmin: "Delete readings",
	}
	all := []awscognito.ResourceServerScope{}
	names := contract.Scopes()
	for _, name := range names {
		all = append(all, awscognito.NewResourceServerScope(&awscognito.ResourceServerScopeProps{
			ScopeName:        jsii.String(strings.TrimPrefix(name, contract.ResourceServer+"/")),
			ScopeDescription: jsii.String(described[name]),
		}))
	}
	below := constructs.Construct(i)
	if p.UserPool == nil { // where it has been from the beginning; another place would make another one
		below = i.UserPool.(awscognito.UserPool)
	}
	server := awscognito.NewUserPoolResourceServer(below, jsii.String("Scopes"),
		&awscognito.UserPoolResourceServerProps{
			UserPool: i.UserPool, Identifier: jsii.String(contract.ResourceServer), Scopes: &all,
		})
	scopes := map[string]awscognito.OAuthScope{}
	for n, name := range names {
		scopes[name] = awscognito.OAuthScope_ResourceServer(server, all[n])
	}
	return scopes
}

// addBrowserClient makes the client of the API, which sends the passwords of people and proves by the client's secret
// that it is the API. The refresh token lives as long as the cookie, and nobody gets to see it.
func (i *Identity) addBrowserClient() {
	lifetime := minutes(contract.CookieLifetime)
	i.BrowserClient = awscognito.NewUserPoolClient(i, jsii.String("BrowserClient"), &awscognito.UserPoolClientProps{
		UserPool: i.UserPool, GenerateSecret: jsii.Bool(true), DisableOAuth: jsii.Bool(true),
		AuthFlows:                  &awscognito.AuthFlow{UserPassword: jsii.Bool(true)},
		PreventUserExistenceErrors: jsii.Bool(true), EnableTokenRevocation: jsii.Bool(true),
		IdTokenValidity: lifetime, AccessTokenValidity: lifetime, RefreshTokenValidity: lifetime,
	})
	// The CDK would add the refreshing of tokens.
	i.BrowserClient.Node().DefaultChild().(awscognito.CfnUserPoolClient).
		SetExplicitAuthFlows(jsii.Strings("ALLOW_USER_PASSWORD_AUTH"))
}

func (i *Identity) addMachineClient(
	m MachineClient, scopes map[string]awscognito.OAuthScope,
) awscognito.UserPoolClient {
	if len(m.Scopes) == 0 {
		m.Scopes = contract.MachineScopesDefault()
	}
	if m.TokenLifetime == 0 {
		m.TokenLifetime = TokenLifetimeDefault
	}
	allowed := []awscognito.OAuthScope{}
	for _, name := range m.Scopes {
		allowed = append(allowed, scopes[name])
	}
	client := awscognito.NewUserPoolClient(i, jsii.String("MachineClient-"+m.Name), &awscognito.UserPoolClientProps{
		UserPool: i.UserPool, GenerateSecret: jsii.Bool(true), UserPoolClientName: &m.Name,
		OAuth: &awscognito.OAuthSettings{
			Flows: &awscognito.OAuthFlows{ClientCredentials: jsii.Bool(true)}, Scopes: &allowed,
		},
		AccessTokenValidity:        minutes(m.TokenLifetime),
		EnableTokenRevocation:      jsii.Bool(true),
		PreventUserExistenceErrors: jsii.Bool(true),
	})
	// With no flow listed, Cognito would let people sign in through it. To refresh a token is of no use to somebody who
	// could not sign in.
	client.Node().DefaultChild().(awscognito.CfnUserPoolClient).
		SetExplicitAuthFlows(jsii.Strings("ALLOW_REFRESH_TOKEN_AUTH"))
	return client
}

// addDomain makes the address of the token endpoint. Its prefix must be unique in all of AWS. By default the last part
// of the stack's own id makes it unique, and the end of the pool's logical id makes two pools of one stack differ. The
// construct's path is not suitable: it differs below a Stage, so that machines would need another address once a
// pipeline deploys the stack.
func (i *Identity) addDomain(p IdentityProps) {
	if p.UserPoolDomain != nil {
		i.Domain = p.UserPoolDomain
		i.TokenURL = jsii.String(address(i.Domain, *awscdk.Stack_Of(i).Region()) + "/oauth2/token")
		return
	}
	prefix := p.DomainPrefix
	if prefix == "" {
		stackID := awscdk.Fn_Select(jsii.Number(2),
			awscdk.Fn_Split(jsii.String("/"), awscdk.Stack_Of(i).StackId(), nil))
		unique := awscdk.Fn_Select(jsii.Number(4), awscdk.Fn_Split(jsii.String("-"), stackID, nil))
		named := constructs.IConstruct(i.UserPool)
		if p.UserPool != nil { // which has no logical id here
			named = i.BrowserClient
		}
		pool := *awscdk.Stack_Of(i).GetLogicalId(named.Node().DefaultChild().(awscdk.CfnElement))
		prefix = "sensor-flow-" + strings.ToLower(pool[max(0, len(pool)-8):]) + "-" + *unique
	}
	domain := awscognito.NewUserPoolDomain(i, jsii.String("Domain"), &awscognito.UserPoolDomainProps{
		UserPool: i.UserPool, CognitoDomain: &awscognito.CognitoDomainOptions{DomainPrefix: &prefix},
	})
	i.Domain = domain
	i.TokenURL = jsii.String(*domain.BaseUrl(nil) + "/oauth2/token")
	if p.FailoverHealthCheck != nil {
		domain.Node().DefaultChild().(awscognito.CfnUserPoolDomain).
			SetRouting(&awscognito.CfnUserPoolDomain_RoutingTypeProperty{
				Failover: &awscognito.CfnUserPoolDomain_FailoverTypeProperty{
					SecondaryRegion:             &p.Replicas[0].Region,
					PrimaryRoute53HealthCheckId: p.FailoverHealthCheck.HealthCheckId(),
				},
			})
	}
}

func minutes(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Minutes(jsii.Number(d.Minutes()))
}
