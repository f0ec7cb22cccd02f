package config

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
)

// check returns a sentence for each rule that is broken.
func (c Config) check() []string {
	v, err := newValidator()
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	wrong := map[string]bool{} // the keys that something was said about
	var faults validator.ValidationErrors
	if err := v.Struct(c); errors.As(err, &faults) {
		for _, f := range faults {
			wrong[place(f)] = true
			problems = append(problems, place(f)+" "+rule(f))
		}
	} else if err != nil {
		problems = append(problems, err.Error())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		e := c.Environments[name]
		prefix := "environments." + name + "."
		for _, check := range []func(Environment) []string{checkReplication, checkLeaving, checkZones, checkNetworks, checkTaskSize, checkDomain} {
			for _, problem := range check(e) {
				if key, _, _ := strings.Cut(prefix+problem, " "); !wrong[key] {
					problems = append(problems, prefix+problem)
				}
			}
		}
	}
	if _, taken := c.Environments["pipeline"]; taken {
		problems = append(problems, "environments.pipeline must have another name: the stack of the delivery pipeline has this one")
	}
	return append(problems, c.checkPipeline()...)
}

// Notes says what a deployer should know although nothing is wrong.
func (c Config) Notes() []string {
	var notes []string
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		if e := c.Environments[name]; len(e.Regions) > 2 {
			notes = append(notes, fmt.Sprintf(
				"environments.%s.regions: DynamoDB adds or removes one region per deployment. A new environment may start with all of them; to one that exists add one, deploy, then add the next",
				name), fmt.Sprintf(
				"environments.%s.regions: Cognito replicates a user pool to one other region, here %s. In %s people sign in through %s: while that region is down they cannot, but whoever has a token goes on working",
				name, e.Regions[1], strings.Join(e.Regions[2:], ", "), e.Regions[0]))
		}
	}
	return notes
}

func checkReplication(e Environment) []string {
	if len(e.Regions) < 2 {
		return nil
	}
	var problems []string
	for i, region := range e.Regions[:2] {
		if replicates, known := regions()[region]; known && !replicates {
			problems = append(problems, fmt.Sprintf(
				"regions[%d] must be a region in which Cognito replicates user pools, as the first two of several regions are; accepted are %s, got %s",
				i, strings.Join(replicating(), ", "), region))
		}
	}
	return problems
}

func checkLeaving(e Environment) []string {
	var problems []string
	for i, region := range e.Leaving {
		if slices.Index(e.Regions, region) < 1 {
			problems = append(problems, fmt.Sprintf("leaving[%d] must be one of the regions other than the first, got %s", i, region))
		}
	}
	return problems
}

func replicating() []string {
	var names []string
	for name, replicates := range regions() {
		if replicates {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// checkZones knows which regions have too few zones, and that each NAT gateway needs one of its own.
func checkZones(e Environment) []string {
	var problems []string
	zones := e.Zones
	for i, region := range e.Regions {
		if region == "us-west-1" && e.Zones > 2 {
			problems = append(problems, fmt.Sprintf("zones must be at most 2, or left out, for regions[%d], us-west-1, which has no more, got %d", i, e.Zones))
		}
		if region == "us-west-1" && zones == 0 {
			zones = 2
		}
	}
	if zones > 0 && e.NatGateways > zones {
		problems = append(problems, fmt.Sprintf("natGateways must be at most zones, %d, got %d", zones, e.NatGateways))
	}
	return problems
}

// checkNetworks finds ranges that overlap: networks that do could never be joined.
func checkNetworks(e Environment) []string {
	var problems []string
	ranges := map[string]netip.Prefix{}
	for region, text := range e.VPCCidrs {
		if !slices.Contains(e.Regions, region) {
			problems = append(problems, fmt.Sprintf("vpcCidrs.%s must be for one of the regions %s", region, strings.Join(e.Regions, ", ")))
		}
		if prefix, err := netip.ParsePrefix(text); err == nil {
			ranges[region] = prefix
		}
	}
	names := slices.Sorted(maps.Keys(ranges))
	for i, a := range names {
		for _, b := range names[i+1:] {
			if ranges[a].Overlaps(ranges[b]) {
				problems = append(problems, fmt.Sprintf("vpcCidrs.%s must not overlap vpcCidrs.%s, got %s and %s", b, a, ranges[b], ranges[a]))
			}
		}
	}
	return problems
}

// checkTaskSize knows the pairs that Fargate takes
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html).
func checkTaskSize(e Environment) []string {
	type span struct{ from, to, step int } // GiB, but for the smallest
	spans := map[int]span{
		512: {1, 4, 1}, 1024: {2, 8, 1}, 2048: {4, 16, 1}, 4096: {8, 30, 1}, 8192: {16, 60, 4}, 16384: {32, 120, 8},
	}
	if e.TaskCPU == 256 {
		if !slices.Contains([]int{1024, 2048}, e.TaskMemory) {
			return []string{fmt.Sprintf("taskMemoryMiB must be 1024 or 2048 with a taskCpu of 256, got %d", e.TaskMemory)}
		}
		return nil
	}
	s, known := spans[e.TaskCPU]
	if !known {
		return nil // said already
	}
	const gib = 1024
	if e.TaskMemory < s.from*gib || e.TaskMemory > s.to*gib || e.TaskMemory%(s.step*gib) != 0 {
		return []string{fmt.Sprintf("taskMemoryMiB must be %d to %d in steps of %d with a taskCpu of %d, got %d",
			s.from*gib, s.to*gib, s.step*gib, e.TaskCPU, e.TaskMemory)}
	}
	return nil
}

func checkDomain(e Environment) []string {
	if e.Domain == nil || e.Domain.Name == "" || e.Domain.HostedZoneName == "" {
		return nil
	}
	if e.Domain.Name != e.Domain.HostedZoneName && !strings.HasSuffix(e.Domain.Name, "."+e.Domain.HostedZoneName) {
		return []string{fmt.Sprintf("domain.name must lie in the hosted zone %s, got %s", e.Domain.HostedZoneName, e.Domain.Name)}
	}
	return nil
}

func (c Config) checkPipeline() []string {
	if c.Pipeline == nil {
		return nil
	}
	var problems []string
	for i, name := range c.Pipeline.Environments {
		if _, known := c.Environments[name]; !known {
			problems = append(problems, fmt.Sprintf("pipeline.environments[%d] must be one of the environments %s, got %s",
				i, strings.Join(slices.Sorted(maps.Keys(c.Environments)), ", "), name))
		}
	}
	return problems
}

// patterns are what texts must look like. An environment's name is part of stack and table names.
func patterns() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"account":    regexp.MustCompile(`^[0-9]{12}$`),
		"envname":    regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`),
		"machine":    regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`),
		"zoneid":     regexp.MustCompile(`^Z[A-Z0-9]{5,31}$`),
		"connection": regexp.MustCompile(`^arn:aws[a-z-]*:(codestar-connections|codeconnections):[a-z0-9-]+:[0-9]{12}:connection/[a-f0-9-]+$`),
		"repository": regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$`),
	}
}

func newValidator() (*validator.Validate, error) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("json") })
	var errs []error
	for tag, pattern := range patterns() {
		errs = append(errs, v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return pattern.MatchString(f.Field().String()) }))
	}
	errs = append(errs,
		v.RegisterValidation("region", func(f validator.FieldLevel) bool { _, known := regions()[f.Field().String()]; return known }),
		v.RegisterValidation("origin", func(f validator.FieldLevel) bool { return isOrigin(f.Field().String()) }),
		v.RegisterValidation("vpccidr", func(f validator.FieldLevel) bool { return isNetwork(f.Field().String()) }),
	)
	return v, errors.Join(errs...)
}

// isOrigin accepts https://host[:port] as a browser writes an origin, and http for localhost.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || text != u.Scheme+"://"+u.Host || text != strings.ToLower(text) || strings.Contains(text, "*") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && u.Hostname() == "localhost"
}

// isNetwork accepts the private ranges that a VPC takes and that leave room for the subnets of three zones.
func isNetwork(text string) bool {
	prefix, err := netip.ParsePrefix(text)
	return err == nil && prefix.Addr().Is4() && prefix.Addr().IsPrivate() && prefix.Masked() == prefix && prefix.Bits() >= 16 && prefix.Bits() <= 22
}

func defaultCidr(index int) string { return fmt.Sprintf("10.%d.0.0/16", index) }

// place writes the key of a fault as it stands in cdk.json.
func place(f validator.FieldError) string {
	path := strings.TrimPrefix(f.Namespace(), "Config.")
	// Keys of maps stand in brackets, as the indexes of lists do.
	return regexp.MustCompile(`\[([^0-9\]][^\]]*)\]`).ReplaceAllString(path, ".$1")
}

func rule(f validator.FieldError) string {
	got := fmt.Sprintf(", got %v", f.Value())
	switch f.Tag() {
	case "required":
		if f.StructField() == "Account" {
			return "must be set to an account number of 12 digits, as no credentials are in use that tell one"
		}
		return "must be set"
	case "min", "max":
		return bound(f) + got
	case "gtefield":
		return "must be at least " + jsonName(f.Param()) + got
	case "oneof":
		return "must be one of " + strings.ReplaceAll(f.Param(), " ", ", ") + got
	case "unique":
		return "must not hold the same twice" + got
	default:
		return expectation(f.Tag()) + got
	}
}

func bound(f validator.FieldError) string {
	word := map[string]string{"min": "at least ", "max": "at most "}[f.Tag()]
	switch f.Kind() {
	case reflect.Slice, reflect.Map:
		return "must hold " + word + f.Param()
	default:
		return "must be " + word + f.Param()
	}
}

// jsonName is the key of a field of Environment.
func jsonName(field string) string {
	f, _ := reflect.TypeFor[Environment]().FieldByName(field)
	return f.Tag.Get("json")
}

// expectation says what a text must look like.
func expectation(tag string) string {
	switch tag {
	case "account":
		return "must be an account number of 12 digits"
	case "envname":
		return "must be a name of at most 16 lower-case letters and digits, beginning with a letter"
	case "region":
		return "must be one of " + strings.Join(slices.Sorted(maps.Keys(regions())), ", ")
	case "email":
		return "must be an e-mail address"
	case "origin":
		return "must be an origin such as https://app.example.com"
	case "machine":
		return "must be a name of lower-case letters, digits and hyphens, beginning with a letter"
	case "fqdn":
		return "must be a domain name such as api.example.com"
	case "zoneid":
		return "must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ"
	case "vpccidr":
		return "must be a private network of /16 to /22 such as 10.0.0.0/16"
	case "connection":
		return "must be the ARN of a connection of CodeConnections"
	case "repository":
		return "must be owner/name"
	default:
		return "is wrong (" + tag + ")"
	}
}
