package rule

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Text accepts a text that is ok. what says what it must be, such as "an account number of 12 digits".
func Text(key, got string, ok bool, what string) Faults {
	switch {
	case ok:
		return nil
	case got == "":
		return Faults{{Field: key, Rule: "must be set to " + what}}
	default:
		return Faults{{Field: key, Rule: "must be " + what, Got: got}}
	}
}

// item is the key of an item of the list or map that key names.
func item(key string, of any) string { return strings.Replace(key, "*", fmt.Sprint(of), 1) }

// list is the key of the list or map itself.
func list(key string) string {
	whole, _, _ := strings.Cut(key, "*")
	return strings.TrimRight(whole, "[.")
}

// again is a text that was given before.
type again string

func (a again) String() string { return Show(string(a)) + " again" }

// Each accepts a list whose items all pass the check and differ.
func Each(key string, items []string, check func(key, got string) Faults) Faults {
	var all Faults
	for i, got := range items {
		all = append(all, All(check(item(key, i), got), once(item(key, i), got, items[:i]))...)
	}
	return all
}

func once(key, got string, before []string) Faults {
	return Fault{Field: key, Rule: "must be given once", Got: again(got)}.If(slices.Contains(before, got))
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	namePattern    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
	zoneIDPattern  = regexp.MustCompile(`^Z[A-Z0-9]{5,31}$`)
	domainPattern  = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{0,58}[a-z0-9])$`)
)

// Account accepts the number of an AWS account.
func Account(key, got string) Faults {
	return Text(key, got, accountPattern.MatchString(got), "an account number of 12 digits")
}

// Name accepts a name of at most charsMax letters, digits and hyphens.
func Name(key, got string, charsMax int) Faults {
	return Text(key, got, len(got) <= charsMax && namePattern.MatchString(got),
		fmt.Sprintf("1 to %d letters, digits and hyphens, beginning with a letter", charsMax))
}

// MachineClient is an app client of a user pool, with the keys that a person wrote.
type MachineClient struct {
	NameKey, Name string
	// ScopesKey ends in "[*]". Scopes are nil where none are written.
	ScopesKey string
	Scopes    []string
}

// MachineClients accepts the app clients of a user pool. key is that of their list.
func MachineClients(key string, clients []MachineClient) Faults {
	all := Fault{
		Field: key, Rule: fmt.Sprintf("must list at most %d", contract.MachineClientsMax), Got: len(clients),
	}.If(len(clients) > contract.MachineClientsMax)
	var names []string
	for _, c := range clients {
		named := All(Name(c.NameKey, c.Name, contract.NameCharsMax), once(c.NameKey, c.Name, names), Fault{
			Field: c.NameKey, Rule: "must have another name: the client of the smoke tests has this one", Got: c.Name,
		}.If(c.Name == contract.SmokeTestClient))
		all = append(append(all, named...), machineScopes(c.ScopesKey, c.Scopes)...)
		names = append(names, c.Name)
	}
	return all
}

// machineScopes accepts what the tokens of a machine may allow. An empty list is refused: who writes one does not mean
// the default, and a client that may do nothing gets no token.
func machineScopes(key string, scopes []string) Faults {
	if scopes != nil && len(scopes) == 0 {
		return Faults{{
			Field: list(key), Rule: "must list at least one scope",
			Advice: "leave it out for " + strings.Join(contract.MachineScopesDefault(), ", "),
		}}
	}
	return Each(key, scopes, func(key, got string) Faults {
		return Text(key, got, slices.Contains(contract.Scopes(), got), "one of "+strings.Join(contract.Scopes(), ", "))
	})
}

// Deployment accepts how a new version takes over; an empty text leaves it to the default.
func Deployment(key, got string) Faults {
	return Fault{
		Field: key, Rule: "must be one of " + strings.Join(contract.Deployments(), ", "), Got: got,
		Advice: "leave it out for " + contract.DeploymentCanary + ", or " + contract.DeploymentRolling +
			" where everything is disposable",
	}.If(got != "" && !slices.Contains(contract.Deployments(), got))
}

// FirewallLog accepts which requests the firewall writes to its log; an empty text leaves it to the default.
func FirewallLog(key, got string) Faults {
	return Fault{
		Field: key, Rule: "must be one of " + strings.Join(contract.FirewallLogs(), ", "), Got: got,
		Advice: "leave it out for " + contract.FirewallLogRefused,
	}.If(got != "" && !slices.Contains(contract.FirewallLogs(), got))
}

// Emails accepts the addresses that alarms go to.
func Emails(key string, addresses []string) Faults {
	return Each(key, addresses, email)
}

// emailCharsMax is the longest address that mail can be sent to (RFC 5321, 4.5.3.1.3).
const emailCharsMax = 254

func email(key, got string) Faults {
	address, err := mail.ParseAddress(got)
	domain := got[strings.LastIndex(got, "@")+1:]
	ok := err == nil && address.Address == got && len(got) <= emailCharsMax && domainPattern.MatchString(strings.ToLower(domain))
	return Text(key, got, ok, "an e-mail address such as ops@example.com")
}

// Domain accepts the address of the API: in lower case, as a browser writes it into an origin.
func Domain(key, got string) Faults {
	return Text(key, got, len(got) <= contract.DomainCharsMax && domainPattern.MatchString(got),
		fmt.Sprintf("a domain name in lower case of at most %d characters, such as api.example.com", contract.DomainCharsMax))
}

// zoneCharsMax is the longest name in DNS.
const zoneCharsMax = 253

// HostedZone accepts the name of a hosted zone of Route 53.
func HostedZone(key, got string) Faults {
	return Text(key, got, len(got) <= zoneCharsMax && domainPattern.MatchString(got),
		"a domain name in lower case such as example.com")
}

// HostedZoneID accepts the id of a hosted zone of Route 53.
func HostedZoneID(key, got string) Faults {
	return Text(key, got, zoneIDPattern.MatchString(got), "the id of a hosted zone, such as Z0123456789ABCDEFGHIJ")
}

// InZone accepts an address that a hosted zone holds.
func InZone(key, domain, zone string) Faults {
	return Fault{Field: key, Rule: "must lie in the hosted zone " + zone, Got: domain}.
		If(domain != zone && !strings.HasSuffix(domain, "."+zone))
}

// ZoneDomain accepts an address of the API, the id of a hosted zone, and the zone's name, which must hold the address. Where the
// zone's name is refused itself, nothing is said of whether it holds the address.
func ZoneDomain(domainKey, domain, idKey, id, zoneKey, zone string) Faults {
	named := HostedZone(zoneKey, zone)
	all := All(Domain(domainKey, domain), HostedZoneID(idKey, id), named)
	if len(named) > 0 {
		return all
	}
	return All(all, InZone(domainKey, domain, zone))
}
