package identity

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// poolPattern is a pool's id, which begins with its region.
var poolPattern = regexp.MustCompile(`^([a-z]{2}(-[a-z]+)+-[0-9])_[0-9A-Za-z]+$`)

// existingFaults are what is wrong with an existing pool, as far as the props tell.
func (p IdentityProps) existingFaults() rule.Faults {
	const newAdvice = "it is for a new user pool"
	without := func(field string, given bool) rule.Faults {
		return rule.Fault{
			Field: field, Rule: "goes with UserPool alone", Advice: "a new user pool has its own",
		}.If(given)
	}
	if p.UserPool == nil {
		return rule.All(without("UserPoolDomain", p.UserPoolDomain != nil), without("UserPoolIssuer", p.UserPoolIssuer != ""))
	}
	return rule.All(
		prop.LeftOut("Replicas", len(p.Replicas) > 0, " with UserPool", "only the pool's owner can replicate it"),
		prop.LeftOut("KeepIssuer", p.KeepIssuer, " with UserPool", "the pool has the issuer that it has"),
		prop.LeftOut("Mfa", p.Mfa != MfaOff, " with UserPool", newAdvice),
		prop.LeftOut("DomainPrefix", p.DomainPrefix != "" && p.UserPoolDomain != nil, " with UserPoolDomain",
			"the pool has an address already"),
		poolFaults(*p.UserPool.UserPoolId()),
		issuerFaults(p.UserPoolIssuer, *p.UserPool.UserPoolId()),
	)
}

func poolFaults(id string) rule.Faults {
	return prop.Known(rule.Fault{
		Field: "UserPool", Rule: "must have an id such as eu-west-1_AbCdEfGhI", Got: id,
	}.If(!poolPattern.MatchString(id)))
}

// issuerFaults accepts an address of HTTPS that ends with the pool's id, as far as that is known.
func issuerFaults(issuer, pool string) rule.Faults {
	if issuer == "" || !prop.IsKnown(issuer) || !prop.IsKnown(pool) {
		return nil
	}
	at, err := url.Parse(issuer)
	return rule.Fault{
		Field: "UserPoolIssuer", Rule: "must begin with https:// and end with /" + pool, Got: issuer,
	}.If(err != nil || at.Scheme != "https" || at.Path != "/"+pool)
}

// ValidateRegion reports an existing pool that is not where its clients are made: in the region of the stack.
func (p IdentityProps) ValidateRegion(region string) error {
	if p.UserPool == nil {
		return nil
	}
	id := *p.UserPool.UserPoolId()
	found := poolPattern.FindStringSubmatch(id)
	if found == nil || !prop.IsKnown(region) {
		return nil
	}
	return rule.Fault{
		Field: "UserPool", Rule: fmt.Sprintf("must be in the stack's region %s", region), Got: id,
		Advice: "in another region, pass Settings and UserPoolRegion",
	}.If(found[1] != region).Err()
}

// address is where a domain of a pool answers: below its own name, or below Cognito's with the prefix before it.
func address(domain awscognito.IUserPoolDomain, region string) string {
	if made, ok := domain.(awscognito.UserPoolDomain); ok {
		return *made.BaseUrl(nil)
	}
	name := *domain.DomainName()
	if prop.IsKnown(name) && strings.Contains(name, ".") {
		return "https://" + name
	}
	return "https://" + name + ".auth." + region + ".amazoncognito.com"
}
