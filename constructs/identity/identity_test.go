package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

const (
	primary   = "us-east-1"
	secondary = "eu-west-1"
	third     = "ap-south-1"
)

// keyIn imports a key of some region.
func keyIn(stack awscdk.Stack, region string) awskms.IKey {
	return awskms.Key_FromKeyArn(stack, jsii.String("KeyIn"+region),
		jsii.String("arn:aws:kms:"+region+":"+cdktest.Account+":key/mrk-0"))
}

func healthCheck(stack awscdk.Stack) awsroute53.IHealthCheck {
	return awsroute53.HealthCheck_FromHealthCheckId(stack, jsii.String("Health"), jsii.String("health-1"))
}

// replicated are props with a name, a key and two more regions.
func replicated(stack awscdk.Stack) identity.IdentityProps {
	return identity.IdentityProps{Name: "Flow", Key: keyIn(stack, primary), Replicas: []storage.Replica{
		{Region: secondary, Key: keyIn(stack, secondary)}, {Region: third, Key: keyIn(stack, third)},
	}}
}

func TestIdentity_OfOneRegion(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	identity.NewIdentity(cdktest.NewStack(app, "Stack", primary), "Identity", nil)
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	template.Part("AWS::Cognito::*", "AWS::SecretsManager::*").Golden(t, "identity")
	pool := template.Only(t, "AWS::Cognito::UserPool")
	if pool.ID != "IdentityUserPool96FE3B9B" {
		t.Errorf("the logical id of the pool is %s: another one loses every person", pool.ID)
	}
	if pool.Body["DeletionPolicy"] != "Retain" {
		t.Error("the pool goes with its stack")
	}
	group := template.Only(t, "AWS::Cognito::UserPoolGroup")
	group.Want(t, contract.AdminGroup, "GroupName")
	if group.Body["DeletionPolicy"] != "Retain" {
		t.Error("who may delete is forgotten when the stack goes, and the pool with its people stays")
	}
	pool.Want(t, "ACTIVE", "DeletionProtection")
	pool.Want(t, "ESSENTIALS", "UserPoolTier")
	pool.Want(t, true, "AdminCreateUserConfig", "AllowAdminCreateUserOnly")
	pool.Want(t, "CUSTOMER_MANAGED_KEY", "KeyConfiguration", "KeyType")
	if pool.Property("IssuerConfiguration") != nil {
		t.Error("the issuer is that of a replicated pool")
	}
	settings := cdktest.JSON(t, template.Only(t, "AWS::SecretsManager::Secret").Body)
	if !strings.Contains(settings, "https://cognito-idp.us-east-1.amazonaws.com/") {
		t.Errorf("the issuer is not among the settings: %s", settings)
	}
	if n := len(template.All("AWS::Cognito::UserPoolReplica")); n != 0 {
		t.Errorf("there are %d replicas", n)
	}
	out.NoFindings(t)
	out.LeastPrivilege(t)
}

func TestIdentity_OfSeveralRegionsReplicatesToTheFirst(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", primary)
	props := replicated(stack)
	identity.NewIdentity(stack, "Identity", &props)
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	pool := template.Only(t, "AWS::Cognito::UserPool")
	pool.Want(t, "UPDATED", "IssuerConfiguration", "Type")
	pool.Want(t, "arn:aws:kms:us-east-1:111111111111:key/mrk-0", "KeyConfiguration", "KmsKeyArn")
	replica := template.Only(t, "AWS::Cognito::UserPoolReplica")
	replica.Want(t, map[string]any{"RegionName": secondary, "UserPoolId": map[string]any{"Ref": pool.ID}})
	settings := template.Only(t, "AWS::SecretsManager::Secret")
	settings.Want(t, "Flow/identity", "Name")
	settings.Want(t, []any{
		map[string]any{"Region": secondary, "KmsKeyId": "arn:aws:kms:eu-west-1:111111111111:key/mrk-0"},
		map[string]any{"Region": third, "KmsKeyId": "arn:aws:kms:ap-south-1:111111111111:key/mrk-0"},
	}, "ReplicaRegions")
	text := cdktest.JSON(t, settings.Body)
	if !strings.Contains(text, "https://issuer-cognito-idp.us-east-1.amazonaws.com/") {
		t.Errorf("the issuer is not among the settings: %s", text)
	}
	out.NoFindings(t)
}

// TestIdentity_KeepsTheIssuerWithoutItsReplica compares the pool of a deployment whose second region has left with one
// that has it.
func TestIdentity_KeepsTheIssuerWithoutItsReplica(t *testing.T) {
	issuers := map[string]string{}
	for name, change := range map[string]func(*identity.IdentityProps){
		"replicated": func(*identity.IdentityProps) {},
		"left":       func(p *identity.IdentityProps) { p.Replicas, p.KeepIssuer = nil, true },
		"single":     func(p *identity.IdentityProps) { p.Replicas = nil },
	} {
		app := cdktest.NewApp(t)
		stack := cdktest.NewStack(app, "Stack", primary)
		props := replicated(stack)
		change(&props)
		issuer := stack.Resolve(identity.NewIdentity(stack, "Identity", &props).Issuer)
		template := cdktest.Synth(t, app).Template(t, "Stack")
		kind := template.Only(t, "AWS::Cognito::UserPool").Property("IssuerConfiguration")
		issuers[name] = cdktest.JSON(t, []any{issuer, kind})
		if n := len(template.All("AWS::Cognito::UserPoolReplica")); (n == 1) != (name == "replicated") {
			t.Errorf("%s: there are %d replicas", name, n)
		}
	}
	if issuers["left"] != issuers["replicated"] || issuers["left"] == issuers["single"] {
		t.Errorf("the issuers are %v", issuers)
	}
}

// TestSettings_HoldWhatTheEnvironmentNames joins the secret to the environment of the API, and sees that
// CloudFormation, not the template, knows the client's secret.
func TestSettings_HoldWhatTheEnvironmentNames(t *testing.T) {
	app := cdktest.NewApp(t)
	identity.NewIdentity(cdktest.NewStack(app, "Stack", primary), "Identity", &identity.IdentityProps{
		MachineClients: []identity.MachineClient{{Name: "zeta"}, {Name: "alpha"}},
	})
	template := cdktest.Synth(t, app).Template(t, "Stack")
	browser := template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityBrowserClient").ID
	parts, _ := template.Only(t, "AWS::SecretsManager::Secret").Property("SecretString", "Fn::Join", 1).([]any)
	text := ""
	for _, part := range parts {
		if literal, ok := part.(string); ok {
			text += literal
			continue
		}
		text += strings.NewReplacer("\n", "", " ", "", `"`, "").Replace(cdktest.JSON(t, part))
	}
	for _, field := range identity.SettingsFields() {
		if strings.Count(text, `"`+field+`":"`) != 1 {
			t.Errorf("%s is not among the settings: %s", field, text)
		}
	}
	want := `"USER_POOL_CLIENT_SECRET":"{Fn::GetAtt:[` + browser + `,ClientSecret]}"`
	if !strings.Contains(text, want) {
		t.Errorf("the settings lack %s: %s", want, text)
	}
	alpha := template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityMachineClientalpha").ID
	zeta := template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityMachineClientzeta").ID
	if want := `"MACHINE_CLIENT_IDS":"{Ref:` + alpha + `},{Ref:` + zeta + `}"`; !strings.Contains(text, want) {
		t.Errorf("the settings lack %s: %s", want, text)
	}
	if want := ".auth.us-east-1.amazoncognito.com/oauth2/token"; !strings.Contains(text, want) {
		t.Errorf("the token endpoint is not among the settings: %s", text)
	}
}

func TestClients_AllowOneWayInEach(t *testing.T) {
	app := cdktest.NewApp(t)
	identity.NewIdentity(cdktest.NewStack(app, "Stack", primary), "Identity",
		&identity.IdentityProps{MachineClients: []identity.MachineClient{
			{Name: "reader", Scopes: []string{contract.ScopeRead}, TokenLifetime: identity.TokenLifetimeMin},
			{Name: "both"},
			{Name: "all", Scopes: contract.Scopes()},
		}})
	template := cdktest.Synth(t, app).Template(t, "Stack")
	browser := template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityBrowserClient")
	browser.Want(t, []string{"ALLOW_USER_PASSWORD_AUTH"}, "ExplicitAuthFlows")
	browser.Want(t, false, "AllowedOAuthFlowsUserPoolClient")
	browser.Want(t, "ENABLED", "PreventUserExistenceErrors")
	browser.Want(t, contract.CookieLifetime.Minutes(), "IdTokenValidity")
	browser.Want(t, true, "GenerateSecret")
	server := map[string]any{"Ref": template.Only(t, "AWS::Cognito::UserPoolResourceServer").ID}
	read := map[string]any{"Fn::Join": []any{"", []any{server, "/read"}}}
	write := map[string]any{"Fn::Join": []any{"", []any{server, "/write"}}}
	reader := template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityMachineClientreader")
	reader.Want(t, []any{read}, "AllowedOAuthScopes")
	reader.Want(t, 5, "AccessTokenValidity")
	both := template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityMachineClientboth")
	both.Want(t, []any{read, write}, "AllowedOAuthScopes")
	all := template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityMachineClientall")
	all.Want(t, []any{read, write, map[string]any{"Fn::Join": []any{"", []any{server, "/admin"}}}},
		"AllowedOAuthScopes")
	both.Want(t, identity.TokenLifetimeDefault.Minutes(), "AccessTokenValidity")
	for _, machine := range []cdktest.Resource{reader, both} {
		machine.Want(t, []string{"client_credentials"}, "AllowedOAuthFlows")
		machine.Want(t, []string{"ALLOW_REFRESH_TOKEN_AUTH"}, "ExplicitAuthFlows")
	}
	template.Only(t, "AWS::Cognito::UserPoolResourceServer").Want(t, contract.ResourceServer, "Identifier")
}

func TestIdentity_EveryPropMatters(t *testing.T) {
	cdktest.EveryPropMatters(t,
		func(stack awscdk.Stack) identity.IdentityProps {
			return identity.IdentityProps{
				Key:      keyIn(stack, secondary),
				Replicas: []storage.Replica{{Region: primary, Key: keyIn(stack, primary)}},
			}
		},
		func(stack awscdk.Stack, p *identity.IdentityProps) { identity.NewIdentity(stack, "Identity", p) },
		map[string]func(awscdk.Stack, *identity.IdentityProps){
			"Name": func(_ awscdk.Stack, p *identity.IdentityProps) { p.Name = "Flow" },
			"Key": func(s awscdk.Stack,
				p *identity.IdentityProps) {
				p.Key = storage.NewKey(s, "Key", nil).Key
			},
			"Replicas": func(_ awscdk.Stack, p *identity.IdentityProps) { p.Replicas = nil },
			"KeepIssuer": func(_ awscdk.Stack, p *identity.IdentityProps) {
				p.Replicas, p.KeepIssuer = nil, true
			},
			"FailoverHealthCheck": func(s awscdk.Stack,
				p *identity.IdentityProps) {
				p.FailoverHealthCheck = healthCheck(s)
			},
			"MachineClients": func(_ awscdk.Stack, p *identity.IdentityProps) {
				p.MachineClients = []identity.MachineClient{{Name: "gateway"}}
			},
			"DomainPrefix": func(_ awscdk.Stack, p *identity.IdentityProps) { p.DomainPrefix = "flow" },
			"UserPool": func(s awscdk.Stack, p *identity.IdentityProps) {
				p.Replicas, p.UserPool = nil, existing(s)
			},
			"UserPoolDomain": func(s awscdk.Stack, p *identity.IdentityProps) {
				p.Replicas, p.UserPool, p.UserPoolDomain = nil, existing(s), itsDomain(s, "acme")
			},
			"UserPoolIssuer": func(s awscdk.Stack, p *identity.IdentityProps) {
				p.Replicas, p.UserPool = nil, existing(s)
				p.UserPoolIssuer = "https://issuer-cognito-idp." + secondary + ".amazonaws.com/" + poolID
			},
			"Mfa":        func(_ awscdk.Stack, p *identity.IdentityProps) { p.Mfa = identity.MfaOptional },
			"Disposable": func(_ awscdk.Stack, p *identity.IdentityProps) { p.Disposable = true },
		})
}

func TestIdentity_WithEveryPropPassesTheRules(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", primary)
	props := replicated(stack)
	props.FailoverHealthCheck, props.DomainPrefix, props.Mfa, props.Disposable = healthCheck(stack), "flow",
		identity.MfaOptional, true
	props.MachineClients = []identity.MachineClient{{Name: "gateway", TokenLifetime: time.Hour}}
	identity.NewIdentity(stack, "Identity", &props)
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	pool := template.Only(t, "AWS::Cognito::UserPool")
	if pool.Body["DeletionPolicy"] != "Delete" || pool.Property("DeletionProtection") != "INACTIVE" {
		t.Errorf("a disposable pool stays: %v", pool.Body)
	}
	pool.Want(t, []string{"SOFTWARE_TOKEN_MFA"}, "EnabledMfas")
	domain := template.Only(t, "AWS::Cognito::UserPoolDomain")
	domain.Want(t, "flow", "Domain")
	domain.Want(t, map[string]any{"SecondaryRegion": secondary, "PrimaryRoute53HealthCheckId": "health-1"}, "Routing",
		"Failover")
	out.NoFindings(t)
}

func TestIdentity_RejectsEveryProblemInOneAnswer(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", secondary)
	got := cdktest.Panic(t, func() {
		identity.NewIdentity(stack, "It", &identity.IdentityProps{
			Name: "a/b", Replicas: []storage.Replica{{Region: secondary}}, DomainPrefix: "my-cognito", Mfa: 7,
			MachineClients: []identity.MachineClient{
				{Name: "a", Scopes: []string{"read"}},
				{Name: "a", TokenLifetime: identity.TokenLifetimeMin - time.Second}, {},
			},
		})
	})
	want := []string{
		`Stack/It: Name must be 1 to 64 letters, digits and hyphens, beginning with a letter, got "a/b"`,
		"Key is required with Replicas",
		"Mfa must be MfaOff or MfaOptional, got 7",
		`DomainPrefix must not contain "cognito", which Cognito reserves, got "my-cognito"`,
		`MachineClients[0].Scopes[0] must be one of sensor-flow/read, sensor-flow/write, sensor-flow/admin, got "read"`,
		`MachineClients[1].Name must be given once, got "a" again`,
		"MachineClients[1].TokenLifetime must be 5m to 24h in whole minutes, got 4m59s",
		"MachineClients[2].Name must be",
		"Replicas[0].Region must not be the stack's own region",
	}
	for _, sentence := range want {
		if !strings.Contains(got, sentence) {
			t.Errorf("it lacks %q:\n%s", sentence, got)
		}
	}
}

func TestIdentityProps_ValidateAtTheEdges(t *testing.T) {
	check := healthCheck(cdktest.NewStack(cdktest.NewApp(t), "Stack", secondary))
	machines := func(n int) []identity.MachineClient {
		all := make([]identity.MachineClient, n)
		for i := range all {
			all[i].Name = "m" + strings.Repeat("x", i%60) + string(rune('a'+i/60))
		}
		return all
	}
	type props = identity.IdentityProps
	prefix := func(text string) func(*props) { return func(p *props) { p.DomainPrefix = text } }
	clients := func(n int) func(*props) { return func(p *props) { p.MachineClients = machines(n) } }
	lifetime := func(d time.Duration) func(*props) {
		return func(p *props) { p.MachineClients = []identity.MachineClient{{Name: "a", TokenLifetime: d}} }
	}
	const (
		prefixMust = "DomainPrefix must be 1 to 63 lower-case letters, digits and hyphens, no hyphen at the ends, " +
			"got "
		lifetimeMust = "MachineClients[0].TokenLifetime must be 5m to 24h in whole minutes, got "
	)
	cdktest.Refuses(t, props{},
		cdktest.Row("the longest prefix", prefix(strings.Repeat("a", 63)), ""),
		cdktest.Row("rejects a longer one", prefix(strings.Repeat("a", 64)),
			prefixMust+`"`+strings.Repeat("a", 64)+`"`),
		cdktest.Row("rejects capital letters", prefix("Flow"), prefixMust+`"Flow"`),
		cdktest.Row("rejects a hyphen at the end", prefix("flow-"), prefixMust+`"flow-"`),
		cdktest.Row("the most clients", clients(identity.MachineClientsMax), ""),
		cdktest.Row("rejects more clients", clients(identity.MachineClientsMax+1),
			"MachineClients must list at most 100, got 101"),
		cdktest.Row("rejects a client without scopes",
			func(p *props) { p.MachineClients = []identity.MachineClient{{Name: "a", Scopes: []string{}}} },
			"MachineClients[0].Scopes must list at least one scope; leave it out for sensor-flow/read, sensor-flow/write"),
		cdktest.Row("the shortest token", lifetime(identity.TokenLifetimeMin), ""),
		cdktest.Row("rejects a longer token", lifetime(24*time.Hour+time.Minute), lifetimeMust+"24h1m"),
		cdktest.Row("rejects half a minute", lifetime(10*time.Minute+30*time.Second), lifetimeMust+"10m30s"),
		cdktest.Row("rejects a health check without a replica", func(p *props) { p.FailoverHealthCheck = check },
			"FailoverHealthCheck needs Replicas, got none to fail over to; leave it out"),
	)
}

func TestIdentity_WarnsOfARegionWithoutPoolReplicas(t *testing.T) {
	for region, want := range map[string]int{secondary: 0, "eu-south-1": 1} {
		app := cdktest.NewApp(t)
		stack := cdktest.NewStack(app, "Stack", primary)
		identity.NewIdentity(stack, "Identity", &identity.IdentityProps{
			Key: keyIn(stack, primary), Replicas: []storage.Replica{{Region: region, Key: keyIn(stack, region)}},
		})
		warnings := assertions.Annotations_FromStack(stack).
			FindWarning(jsii.String("*"),
				assertions.Match_StringLikeRegexp(jsii.String("did not replicate user pools in "+region)))
		if got := len(*warnings); got != want {
			t.Errorf("%s: %d warnings", region, got)
		}
	}
}

func TestIdentity_MeasuresThrottledSignIns(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", primary)
	i := identity.NewIdentity(stack, "Identity", nil)
	metric := i.MetricSignInThrottles(nil)
	if got := *metric.MetricName(); got != "SignInThrottles" {
		t.Errorf("the metric is %s", got)
	}
	if d := *metric.Dimensions(); d["UserPoolClient"] == nil || d["UserPool"] == nil {
		t.Errorf("the dimensions are %v", d)
	}
}
