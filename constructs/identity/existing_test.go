package identity_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// poolID is the id of a pool in the region of the test's stack.
const poolID = secondary + "_AbCdEfGhI"

func existing(stack awscdk.Stack) awscognito.IUserPool {
	return awscognito.UserPool_FromUserPoolId(stack, jsii.String("Existing"), jsii.String(poolID))
}

func itsDomain(stack awscdk.Stack, name string) awscognito.IUserPoolDomain {
	return awscognito.UserPoolDomain_FromDomainName(stack, jsii.String("ItsDomain"), &name)
}

// settings is the text of the secret's settings.
func settings(t *testing.T, template cdktest.Template) string {
	t.Helper()
	return cdktest.Listed(template.Find(t, "AWS::SecretsManager::Secret", "IdentitySettings").Property("SecretString"))
}

// TestIdentity_WorksInAPoolThatExists makes clients, scopes and the group in the pool and nothing else of it.
func TestIdentity_WorksInAPoolThatExists(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", secondary)
	i := identity.NewIdentity(stack, "Identity", &identity.IdentityProps{UserPool: existing(stack)})
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	if n := len(template.All("AWS::Cognito::UserPool")); n != 0 {
		t.Errorf("%d user pools are made", n)
	}
	for kind, want := range map[string]int{
		"AWS::Cognito::UserPoolClient": 3, "AWS::Cognito::UserPoolResourceServer": 1, "AWS::Cognito::UserPoolDomain": 1,
		"AWS::Cognito::UserPoolGroup": 1,
	} {
		all := template.All(kind)
		if len(all) != want {
			t.Errorf("there are %d of %s, want %d", len(all), kind, want)
		}
		for _, r := range all {
			r.Want(t, poolID, "UserPoolId")
		}
	}
	template.Only(t, "AWS::Cognito::UserPoolGroup").Want(t, contract.AdminGroup, "GroupName")
	text := settings(t, template)
	for _, want := range []string{poolID, "https://cognito-idp." + secondary + ".amazonaws.com/" + poolID} {
		if !strings.Contains(text, want) {
			t.Errorf("the settings lack %s: %s", want, text)
		}
	}
	if *i.UserPool.UserPoolId() != poolID {
		t.Errorf("the part is %s", *i.UserPool.UserPoolId())
	}
	out.NoFindings(t)
	out.LeastPrivilege(t)
}

// TestIdentity_KeepsTheAddressAndTheIssuerOfAPool tries an address of Cognito's, one of the owner's, and one that is
// made in the same app.
func TestIdentity_KeepsTheAddressAndTheIssuerOfAPool(t *testing.T) {
	const issuer = "https://issuer-cognito-idp." + secondary + ".amazonaws.com/" + poolID
	for name, want := range map[string]string{
		"acme":              "https://acme.auth." + secondary + ".amazoncognito.com/oauth2/token",
		"auth.acme.example": "https://auth.acme.example/oauth2/token",
	} {
		app := cdktest.NewApp(t)
		stack := cdktest.NewStack(app, "Stack", secondary)
		i := identity.NewIdentity(stack, "Identity", &identity.IdentityProps{
			UserPool: existing(stack), UserPoolDomain: itsDomain(stack, name), UserPoolIssuer: issuer,
		})
		template := cdktest.Synth(t, app).Template(t, "Stack")
		if n := len(template.All("AWS::Cognito::UserPoolDomain")); n != 0 {
			t.Errorf("%s: %d addresses are made", name, n)
		}
		if *i.TokenURL != want || *i.Issuer != issuer {
			t.Errorf("%s: tokens come from %s, issued by %s", name, *i.TokenURL, *i.Issuer)
		}
		if text := settings(t, template); !strings.Contains(text, want) || !strings.Contains(text, issuer) {
			t.Errorf("%s: the settings are %s", name, text)
		}
	}
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", secondary)
	pool := awscognito.NewUserPool(stack, jsii.String("Own"), nil)
	domain := pool.AddDomain(jsii.String("Domain"), &awscognito.UserPoolDomainOptions{
		CognitoDomain: &awscognito.CognitoDomainOptions{DomainPrefix: jsii.String("own")},
	})
	identity.NewIdentity(stack, "Identity", &identity.IdentityProps{UserPool: pool, UserPoolDomain: domain})
	template := cdktest.Synth(t, app).Template(t, "Stack")
	made := template.Only(t, "AWS::Cognito::UserPool").ID
	client := template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityBrowserClient")
	client.Want(t, map[string]any{"Ref": made}, "UserPoolId")
	if text := settings(t, template); !strings.Contains(text, ".auth."+secondary+".amazoncognito.com/oauth2/token") {
		t.Errorf("the settings are %s", text)
	}
}

func TestIdentity_SaysWhatAnExistingPoolMustBe(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", secondary)
	pool := func(id, poolID string) awscognito.IUserPool {
		return awscognito.UserPool_FromUserPoolId(stack, &id, &poolID)
	}
	valid, wrong, domain := existing(stack), pool("Wrong", "my-pool"), itsDomain(stack, "acme")
	type props = identity.IdentityProps
	cdktest.Refuses(t, props{},
		cdktest.Row("a pool", func(p *props) { p.UserPool = valid }, ""),
		cdktest.Row("a pool with its address and issuer", func(p *props) {
			p.UserPool, p.UserPoolDomain, p.UserPoolIssuer = valid, domain, "https://auth.example/"+poolID
		}, ""),
		cdktest.Row("rejects what is no id", func(p *props) { p.UserPool = wrong },
			`UserPool must have an id such as eu-west-1_AbCdEfGhI, got "my-pool"`),
		cdktest.Row("rejects an address without its pool", func(p *props) { p.UserPoolDomain = domain },
			"UserPoolDomain goes with UserPool alone; a new user pool has its own"),
		cdktest.Row("rejects an issuer without its pool", func(p *props) { p.UserPoolIssuer = "https://auth.example/x" },
			"UserPoolIssuer goes with UserPool alone; a new user pool has its own"),
		cdktest.Row("rejects the issuer of another pool", func(p *props) {
			p.UserPool, p.UserPoolIssuer = valid, "https://auth.example/eu-west-1_Other"
		}, `UserPoolIssuer must begin with https:// and end with /`+poolID+`, got "https://auth.example/eu-west-1_Other"`),
		cdktest.Row("rejects what is for a new pool", func(p *props) {
			p.UserPool, p.UserPoolDomain, p.Mfa, p.DomainPrefix = valid, domain, identity.MfaOptional, "acme"
		}, "Mfa must be left out with UserPool; it is for a new user pool\n"+
			"DomainPrefix must be left out with UserPoolDomain; the pool has an address already"),
	)
	elsewhere := pool("Elsewhere", "ap-south-1_AbCdEfGhI")
	cdktest.RefusesToBuild(t, "Stack/Identity: UserPool must be in the stack's region "+secondary+
		`, got "ap-south-1_AbCdEfGhI"; in another region, pass Settings and UserPoolRegion`,
		func() { identity.NewIdentity(stack, "Identity", &props{UserPool: elsewhere}) })
}
