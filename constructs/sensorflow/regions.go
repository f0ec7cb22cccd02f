package sensorflow

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
)

// MultiRegionProps configure a MultiRegion. The zero value of an optional field selects its default.
type MultiRegionProps struct {
	// Account is the AWS account of all stacks, 12 digits. Required.
	Account string
	// Regions serve together; the first is the primary, in which the user pool and the definition of the tables live, and which
	// stays the first. Required.
	//
	// A new deployment may begin with all of them. To one that exists add a region at the end, deploy, then add the next: DynamoDB
	// takes one new replica per update of a table, and nothing at synthesis can tell what is deployed. To remove one, put it into
	// Leaving, deploy, destroy its stacks but for its keys', take it out of both, and deploy the state. Cognito replicates the user
	// pool to the second region only: in a third one, people sign in through the primary.
	Regions []string
	// Leaving are those of Regions that are about to be removed: their tables lose the protection against deletion. Not the
	// primary. Default: none.
	Leaving []string
	// Name begins the names of stacks, tables and secret and tells deployments in one account apart: letters, digits and hyphens, at
	// most 40. Changing it makes a new deployment beside the old one. Default: the id.
	Name string
	// Domain gives the API one address in all regions. Default: each region has an address of CloudFront.
	Domain *ZoneDomain
	// VpcCidrs are the address ranges of the regions' networks, /16 to /22; they must not overlap, or the networks could never be
	// joined. Default: 10.0.0.0/16, 10.1.0.0/16 and so on, in the order of Regions.
	VpcCidrs map[string]string
	// TokenHealthCheckId is the id of a Route 53 health check of the primary region. While it fails, machines get their tokens in
	// the second one. Needs two regions. Default: none; machines then get no new tokens while the primary is gone, and go on with
	// those that they hold, for up to a day.
	TokenHealthCheckId string
	// Flow holds for every region alike. What belongs to one region must be left out: Key, Tables, Settings, UserPoolRegion, Domain,
	// Vpc, VpcCidr, and the codes of functions, which the CDK ties to one stack.
	Flow SensorFlowProps
	// ForRegion may change what holds for one region, such as its Vpc, tasks or prebuilt code, before its SensorFlow is made in the
	// stack. Key, Tables, Settings and UserPoolRegion are given. Default: all regions are alike.
	ForRegion func(stack awscdk.Stack, region string, flow *SensorFlowProps)
	// OneByOne makes the stack of each region wait for that of the region before, for deployments that stop at the first region
	// that fails. Default: regions do not wait for each other.
	OneByOne bool
}

// ZoneDomain is an address in a public hosted zone of Route 53, named so that the stacks of all regions can use it.
type ZoneDomain struct {
	// Name is the address, such as api.example.com. Required.
	Name string
	// HostedZoneId and HostedZoneName are those of a public zone that holds Name. Required.
	HostedZoneId, HostedZoneName string
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	namePattern    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,39}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+)+-[0-9]$`)
)

// Validate reports everything that is wrong with the props.
func (p MultiRegionProps) Validate() error {
	errs := []error{p.Flow.Validate()}
	if !accountPattern.MatchString(p.Account) {
		errs = append(errs, fmt.Errorf("Account must be an account number of 12 digits, got %q; stacks that find each other by name need to know theirs", p.Account))
	}
	if p.Name != "" {
		errs = append(errs, validateName(p.Name))
	}
	errs = append(errs, p.validateFlow())
	if p.TokenHealthCheckId != "" && len(p.Regions) < poolRegionsMax {
		errs = append(errs, errors.New("TokenHealthCheckId needs a second region to get tokens in; leave it out"))
	}
	return errors.Join(append(errs, p.validateRegions(), p.validateDomain(), p.validateCidrs())...)
}

// validateFlow refuses what belongs to one region.
func (p MultiRegionProps) validateFlow() error {
	var errs []error
	f := p.Flow
	if f.Key != nil || f.Tables != nil || f.Settings != nil || f.UserPoolRegion != "" || f.Domain != nil {
		errs = append(errs, errors.New("Flow must leave out Key, Tables, Settings, UserPoolRegion and Domain, which are made for each region"))
	}
	if f.Vpc != nil || f.VpcCidr != "" || f.AggregatorCode != nil || f.CsvProcessorCode != nil {
		errs = append(errs, errors.New("Flow must leave out Vpc, VpcCidr, AggregatorCode and CsvProcessorCode, which belong to one region; give them by ForRegion"))
	}
	return errors.Join(errs...)
}

func validateName(name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("Name must be at most 40 letters, digits and hyphens, beginning with a letter, got %q", name)
}

func (p MultiRegionProps) validateRegions() error {
	var errs []error
	if len(p.Regions) == 0 {
		errs = append(errs, errors.New("Regions must name at least one region"))
	}
	for i, region := range p.Regions {
		if !regionPattern.MatchString(region) {
			errs = append(errs, fmt.Errorf("Regions[%d] must be a region such as eu-west-1, got %q", i, region))
		}
		if slices.Contains(p.Regions[:i], region) {
			errs = append(errs, fmt.Errorf("Regions[%d] must be listed once, got %q again", i, region))
		}
	}
	for i, region := range p.Leaving {
		if at := slices.Index(p.Regions, region); at < 1 {
			errs = append(errs, fmt.Errorf("Leaving[%d] must be one of Regions other than the first, got %q", i, region))
		}
	}
	return errors.Join(errs...)
}

func (p MultiRegionProps) validateDomain() error {
	d := p.Domain
	switch {
	case d == nil:
		return nil
	case d.Name == "" || d.HostedZoneId == "" || d.HostedZoneName == "":
		return errors.New("Domain must have Name, HostedZoneId and HostedZoneName")
	case d.Name != d.HostedZoneName && !strings.HasSuffix(d.Name, "."+d.HostedZoneName):
		return fmt.Errorf("Domain.Name must lie in the zone %s, got %q", d.HostedZoneName, d.Name)
	}
	return nil
}

func (p MultiRegionProps) validateCidrs() error {
	var errs []error
	for _, region := range slices.Sorted(maps.Keys(p.VpcCidrs)) {
		if !slices.Contains(p.Regions, region) {
			errs = append(errs, fmt.Errorf("VpcCidrs has the key %q, which must be one of Regions", region))
		}
	}
	ranges := make([]netip.Prefix, len(p.Regions))
	for i, region := range p.Regions {
		prefix, err := netip.ParsePrefix(p.cidr(i))
		if err != nil || !prefix.Addr().Is4() || prefix.Masked() != prefix || prefix.Bits() < 16 || prefix.Bits() > 22 {
			errs = append(errs, fmt.Errorf("VpcCidrs[%s] must be an IPv4 range of /16 to /22 such as 10.0.0.0/16, got %q", region, p.cidr(i)))
			continue
		}
		ranges[i] = prefix
		for j, other := range ranges[:i] {
			if other.IsValid() && other.Overlaps(prefix) {
				errs = append(errs, fmt.Errorf("VpcCidrs[%s] must not overlap that of %s, got %s and %s", region, p.Regions[j], prefix, other))
			}
		}
	}
	return errors.Join(errs...)
}

// validateScope sees that stacks can be made there: CloudFormation knows no stack of another region inside a stack.
func validateScope(scope constructs.Construct) error {
	if *awscdk.Stage_IsStage(scope) {
		return nil
	}
	return errors.New("the scope of several stacks must be an App or a Stage; inside a stack, NewSensorFlow makes the service of its region")
}

func (p MultiRegionProps) cidr(index int) string {
	if cidr := p.VpcCidrs[p.Regions[index]]; cidr != "" {
		return cidr
	}
	return fmt.Sprintf("10.%d.0.0/16", index)
}
