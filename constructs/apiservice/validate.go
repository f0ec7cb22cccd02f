package apiservice

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Validate returns every problem of the props that can be seen without the stack.
func (p ApiServiceProps) Validate() error {
	problems := p.missing()
	if p.Domain != nil {
		problems = append(problems, p.Domain.validate()...)
	}
	for i, origin := range p.AllowedOrigins {
		problems = append(problems, storage.ValidateOrigin(fmt.Sprintf("AllowedOrigins[%d]", i), origin))
	}
	if p.Retention != 0 && p.Retention < contract.RetentionMin {
		problems = append(problems, fmt.Errorf("Retention must be at least 24h, got %v; leave it out to keep readings for ever", p.Retention))
	}
	if known(p.UserPoolRegion) && !regionPattern.MatchString(p.UserPoolRegion) && p.UserPoolRegion != "" {
		problems = append(problems, fmt.Errorf("UserPoolRegion must be a region such as eu-west-1, got %q", p.UserPoolRegion))
	}
	problems = append(problems, p.validateNumbers()...)
	problems = append(problems, p.validateTask()...)
	problems = append(problems, p.validateNetwork()...)
	if err := p.Architecture.Validate(); err != nil {
		problems = append(problems, fmt.Errorf("Architecture: %w", err))
	}
	return errors.Join(problems...)
}

func (p ApiServiceProps) missing() []error {
	var problems []error
	for _, required := range []struct {
		missing       bool
		field, advice string
	}{
		{p.Tables == nil, "Tables", "storage.NewGlobalTables or storage.ImportGlobalTables"},
		{p.Uploads == nil, "Uploads", "storage.NewUploads"},
		{p.Settings == nil, "Settings", "the Settings of identity.NewIdentity or what identity.ImportSettings returns"},
		{p.Key == nil, "Key", "the Key of storage.NewKey or storage.NewReplicaKey"},
	} {
		if required.missing {
			problems = append(problems, fmt.Errorf("%s is required: give %s", required.field, required.advice))
		}
	}
	return problems
}

var (
	regionPattern = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+)+-[0-9]$`)
	domainPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)
)

func (d Domain) validate() []error {
	var problems []error
	if known(d.Name) && (!domainPattern.MatchString(d.Name) || len(d.Name) > DomainNameCharsMax) {
		problems = append(problems, fmt.Errorf("Domain.Name must be an address in lower case such as api.example.com, %d characters at most, got %q",
			DomainNameCharsMax, d.Name))
	}
	if d.HostedZone == nil {
		return append(problems, errors.New("Domain.HostedZone is required: give the public zone that holds Domain.Name"))
	}
	zone := *d.HostedZone.ZoneName()
	if known(d.Name) && known(zone) && d.Name != zone && !strings.HasSuffix(d.Name, "."+zone) {
		problems = append(problems, fmt.Errorf("Domain.Name must be in the zone %s of Domain.HostedZone, got %q", zone, d.Name))
	}
	return problems
}

func (p ApiServiceProps) validateNumbers() []error {
	var problems []error
	d := p.withDefaults("")
	for _, bounded := range []struct {
		field         string
		got, min, max int
		byDefault     int
	}{
		{"IndexShards", p.IndexShards, 1, contract.ShardsMax, contract.IndexShardsDefault},
		{"FleetBuckets", p.FleetBuckets, 1, contract.ShardsMax, contract.FleetBucketsDefault},
		{"TasksMin", p.TasksMin, TasksMinMin, TasksMaxMax, TasksMinDefault},
		{"TasksMax", p.TasksMax, max(TasksMinMin, min(d.TasksMin, TasksMaxMax)), TasksMaxMax, max(TasksMaxDefault, d.TasksMin)},
		{"SpotPercent", p.SpotPercent, 0, SpotPercentMax, 0},
		{"CpuTargetPercent", p.CpuTargetPercent, CpuTargetMin, CpuTargetMax, CpuTargetPercentDefault},
		{"RequestsPerTask", p.RequestsPerTask, 1, RequestsPerTaskMax, RequestsPerTaskDefault},
		{"RequestLimit", p.RequestLimit, RequestLimitMin, RequestLimitMax, RequestLimitDefault},
	} {
		if bounded.got != 0 && (bounded.got < bounded.min || bounded.got > bounded.max) {
			problems = append(problems, fmt.Errorf("%s must be %d to %d, got %d; leave it out for %d",
				bounded.field, bounded.min, bounded.max, bounded.got, bounded.byDefault))
		}
	}
	return problems
}

// fargateSizes are the memory sizes in MiB that Fargate offers for a number of CPU units
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size), from TaskMemoryMiBMin on.
func fargateSizes() map[int]struct{ from, to, step int } {
	return map[int]struct{ from, to, step int }{
		256: {1024, 2048, 1024}, 512: {1024, 4096, 1024}, 1024: {2048, 8192, 1024}, 2048: {4096, 16384, 1024},
		4096: {8192, 30720, 1024}, 8192: {16384, 61440, 4096}, 16384: {32768, 122880, 8192},
	}
}

func (p ApiServiceProps) validateTask() []error {
	d := p.withDefaults("")
	sizes, ok := fargateSizes()[d.TaskCpu]
	if !ok {
		return []error{fmt.Errorf("TaskCpu must be 256, 512, 1024, 2048, 4096, 8192 or 16384, got %d; leave it out for %d", p.TaskCpu, TaskCpuDefault)}
	}
	if m := d.TaskMemoryMiB; m < sizes.from || m > sizes.to || m%sizes.step != 0 {
		return []error{fmt.Errorf("TaskMemoryMiB must be %d to %d in steps of %d with a TaskCpu of %d, got %d",
			sizes.from, sizes.to, sizes.step, d.TaskCpu, m)}
	}
	return nil
}

// validateNetwork checks the fields of a new network; with an existing one they would have no effect, which is refused.
func (p ApiServiceProps) validateNetwork() []error {
	if p.Vpc != nil {
		if p.VpcCidr != "" || p.Zones != 0 || p.NatGateways != 0 {
			return []error{errors.New("VpcCidr, Zones and NatGateways are for a new network and must be left out with Vpc")}
		}
		return nil
	}
	d := p.withDefaults("")
	problems := []error{validateCidr(d.VpcCidr)}
	if d.Zones < zonesAllowedMin || d.Zones > zonesAllowedMax {
		problems = append(problems, fmt.Errorf("Zones must be %d or %d, got %d", zonesAllowedMin, zonesAllowedMax, d.Zones))
	} else if d.NatGateways < 1 || d.NatGateways > d.Zones {
		problems = append(problems, fmt.Errorf("NatGateways must be 1 to Zones, here %d, got %d; leave it out for %d", d.Zones, d.NatGateways, NatGatewaysDefault))
	}
	return problems
}

func validateCidr(cidr string) error {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil || !prefix.Addr().Is4() || prefix.Masked() != prefix || prefix.Bits() < vpcBitsMin || prefix.Bits() > vpcBitsMax {
		return fmt.Errorf("VpcCidr must be an IPv4 range of /%d to /%d such as %s, got %q", vpcBitsMin, vpcBitsMax, VpcCidrDefault, cidr)
	}
	for _, private := range privateRanges() {
		if private.Contains(prefix.Addr()) { // and so the whole of it: none of them is narrower than vpcBitsMin
			return nil
		}
	}
	return fmt.Errorf("VpcCidr must be within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, got %q", cidr)
}

// privateRanges are those of RFC 1918.
func privateRanges() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	}
}

// known tells whether a value is known already when the app is synthesized.
func known(value string) bool { return !*awscdk.Token_IsUnresolved(value) }
