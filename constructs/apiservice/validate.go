package apiservice

import (
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Validate returns every problem of the props that can be seen without the stack.
func (p ApiServiceProps) Validate() error { return p.faults("").Err() }

// faults are the problems of the props in a region.
func (p ApiServiceProps) faults(region string) rule.Faults {
	d := p.withDefaults(region)
	return rule.All(
		prop.Required("Tables", p.Tables == nil, "storage.NewGlobalTables or storage.ImportGlobalTables"),
		prop.Required("Uploads", p.Uploads == nil, "storage.NewUploads"),
		prop.Required("Settings", p.Settings == nil,
			"the Settings of identity.NewIdentity or what identity.ImportSettings returns"),
		prop.Required("Key", p.Key == nil, "the Key of storage.NewKey or storage.NewReplicaKey"),
		prop.Known(p.Domain.faults().Under("Domain.")),
		prop.Known(rule.Origins("AllowedOrigins[*]", p.AllowedOrigins)),
		rule.Retention("Retention", p.Retention),
		prop.Known(p.poolRegionFaults()),
		rule.Shards("IndexShards", d.IndexShards),
		rule.Shards("FleetBuckets", d.FleetBuckets),
		rule.Tasks("TasksMin", d.TasksMin, "TasksMax", d.TasksMax),
		rule.TaskSize("TaskCpu", d.TaskCpu, "TaskMemoryMiB", d.TaskMemoryMiB),
		rule.SpotPercent("SpotPercent", p.SpotPercent),
		rule.Deployment("Deployment", string(p.Deployment)),
		rule.Between("CpuTargetPercent", d.CpuTargetPercent, CpuTargetMin, CpuTargetMax, CpuTargetPercentDefault),
		rule.Between("RequestsPerTask", d.RequestsPerTask, 1, RequestsPerTaskMax, RequestsPerTaskDefault),
		rule.RequestLimit("RequestLimit", d.RequestLimit),
		rule.FirewallLog("FirewallLog", string(p.FirewallLog)),
		p.networkFaults(region),
		p.smokeTestFaults(),
		rule.Of(p.Architecture.Validate()),
	)
}

func (d *Domain) faults() rule.Faults {
	if d == nil {
		return nil
	}
	name := rule.Domain("Name", d.Name)
	if d.HostedZone == nil {
		return rule.All(name, prop.Required("HostedZone", true, "the public zone that holds Domain.Name"))
	}
	if zone := *d.HostedZone.ZoneName(); prop.IsKnown(zone) {
		return rule.All(name, rule.InZone("Name", d.Name, zone))
	}
	return name
}

// smokeTestFaults refuses a name that Lambda refuses, and one of nothing.
func (p ApiServiceProps) smokeTestFaults() rule.Faults {
	if p.SmokeTestName == "" {
		return nil
	}
	return rule.All(
		prop.LeftOut("SmokeTestName", p.SmokeTestCredentials == nil, " without SmokeTestCredentials",
			"there is no smoke test without them"),
		rule.Name("SmokeTestName", p.SmokeTestName, contract.NameCharsMax),
	)
}

func (p ApiServiceProps) poolRegionFaults() rule.Faults {
	if p.UserPoolRegion == "" {
		return nil
	}
	return rule.Region("UserPoolRegion", p.UserPoolRegion)
}

// networkFaults checks the fields of a new network. With an existing one they would have no effect, which is refused.
func (p ApiServiceProps) networkFaults(region string) rule.Faults {
	if p.Vpc == nil {
		return rule.All(
			rule.Network("VpcCidr", p.withDefaults(region).VpcCidr),
			rule.Zones("Zones", p.Zones, "NatGateways", p.NatGateways, region),
		)
	}
	const advice = "it is for a new network"
	return rule.All(
		rule.Fault{
			Field: "Vpc", Rule: "must have private subnets with a way out, got none",
			Advice: "the tasks run in them and call AWS",
		}.
			If(len(*p.Vpc.PrivateSubnets()) == 0),
		rule.Fault{
			Field: "Vpc", Rule: "must have public subnets with a Domain, got none",
			Advice: "the load balancer stands in them",
		}.
			If(p.Domain != nil && len(*p.Vpc.PublicSubnets()) == 0),
		prop.LeftOut("VpcCidr", p.VpcCidr != "", " with Vpc", advice),
		prop.LeftOut("Zones", p.Zones != 0, " with Vpc", advice),
		prop.LeftOut("NatGateways", p.NatGateways != 0, " with Vpc", advice),
	)
}
