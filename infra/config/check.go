package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// faults are the rules that the configuration breaks.
func (c Config) faults(defaults Defaults) rule.Faults {
	all := rule.Fault{Field: "environments", Rule: "must name at least one environment"}.If(len(c.Environments) == 0)
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		place := "environments." + name
		all = rule.All(all, c.Environments[name].faults(defaults).Under(place+"."), environmentName(place, name))
	}
	if c.Pipeline != nil {
		all = rule.All(all, c.Pipeline.faults(c.Environments).Under("pipeline."))
	}
	return all
}

var environmentPattern = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)

// environmentName accepts what can be part of the names of stacks and tables.
func environmentName(key, name string) rule.Faults {
	return rule.All(
		rule.Fault{
			Field: key, Rule: "must be named by at most 16 lower-case letters and digits, beginning with a letter",
		}.
			If(!environmentPattern.MatchString(name)),
		rule.Fault{Field: key, Rule: "must have another name: the stack of the delivery pipeline has this one"}.
			If(name == PipelineName),
	)
}

func (e Environment) faults(defaults Defaults) rule.Faults {
	return rule.All(
		e.accountFaults(defaults),
		rule.Regions("regions[*]", e.Regions),
		rule.Leaving("leaving[*]", e.Leaving, e.Regions),
		rule.Adopted("adopted[*]", e.Adopted, e.Regions...),
		rule.Emails("alarmEmails[*]", e.AlarmEmails),
		e.Domain.faults().Under("domain."),
		rule.Origins("allowedOrigins[*]", e.AllowedOrigins),
		rule.RetentionDays("retentionDays", e.RetentionDays),
		rule.Tasks("tasksMin", e.TasksMin, "tasksMax", e.TasksMax),
		rule.TaskSize("taskCpu", e.TaskCPU, "taskMemoryMiB", e.TaskMemory),
		rule.SpotPercent("spotPercent", e.SpotPercent),
		rule.Deployment("deployment", e.Deployment),
		rule.Networks("vpcCidrs.*", e.VPCCidrs, e.Regions),
		rule.Zones("zones", e.Zones, "natGateways", e.NatGateways, e.Regions...),
		machineFaults("machineClients", e.MachineClients),
		rule.Shards("indexShards", e.IndexShards),
		rule.Shards("fleetBuckets", e.FleetBuckets),
		rule.CSVConcurrency("csvConcurrency", e.CSVConcurrency),
		rule.RequestLimit("requestLimit", e.RequestLimit),
		rule.FirewallLog("firewallLog", e.FirewallLog),
		rule.AggregationWindowSeconds("aggregationWindowSeconds", e.AggregationWindowSeconds),
		rule.LogRetentionDays("logRetentionDays", e.LogRetentionDays),
	)
}

func (e Environment) accountFaults(defaults Defaults) rule.Faults {
	if e.Account == "" && defaults.AccountLater {
		return nil
	}
	faults := rule.Account("account", e.Account)
	if e.Account == "" {
		return faults.Advise("no credentials are in use that tell one")
	}
	return faults
}

func machineFaults(list string, clients []MachineClient) rule.Faults {
	var all []rule.MachineClient
	for i, m := range clients {
		key := fmt.Sprintf("%s[%d]", list, i)
		client := rule.MachineClient{NameKey: key + ".name", Name: m.Name, ScopesKey: key + ".scopes[*]", Scopes: m.Scopes}
		if m.NameAlone {
			client.NameKey = key
		}
		all = append(all, client)
	}
	return rule.MachineClients(list, all)
}

func (d *Domain) faults() rule.Faults {
	if d == nil {
		return nil
	}
	return rule.ZoneDomain("name", d.Name, "hostedZoneId", d.HostedZoneID, "hostedZoneName", d.HostedZoneName)
}

var (
	connectionPattern = regexp.MustCompile(`^arn:aws[a-z-]*:(codestar-connections|codeconnections):[a-z0-9-]+:[0-9]{12}:connection/[a-f0-9-]+$`)
	repositoryPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$`)
)

// faults says nothing of a missing account or region: both come from the first environment, of which the same is said.
func (p Pipeline) faults(environments map[string]Environment) rule.Faults {
	var all rule.Faults
	if p.Account != "" {
		all = rule.All(all, rule.Account("account", p.Account))
	}
	if p.Region != "" {
		all = rule.All(all, rule.Region("region", p.Region))
	}
	all = rule.All(all,
		rule.Text("connectionArn", p.ConnectionARN, connectionPattern.MatchString(p.ConnectionARN),
			"the ARN of a connection of CodeConnections"),
		rule.Text("repository", p.Repository, repositoryPattern.MatchString(p.Repository), "owner/name"),
		rule.Text("branch", p.Branch, p.Branch != "", "the name of a branch"),
	)
	known := slices.Sorted(maps.Keys(environments))
	if len(known) == 0 {
		return all // that there are none is said of the environments
	}
	return rule.All(all, rule.Each("environments[*]", p.Environments, func(key, name string) rule.Faults {
		return rule.Fault{Field: key, Rule: "must be one of the environments " + strings.Join(known, ", "), Got: name}.
			If(!slices.Contains(known, name))
	}))
}

// Notes says what a deployer should know although nothing is wrong.
func (c Config) Notes() []string {
	var notes []string
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		e := c.Environments[name]
		if len(e.Regions) <= contract.PoolRegionsMax {
			continue
		}
		key := "environments." + name + ".regions: "
		notes = append(notes, key+"DynamoDB adds or removes one region per deployment. A new environment may start "+
			"with all of them; to one that exists add one, deploy, then add the next",
			fmt.Sprintf(key+"Cognito replicates a user pool to one other region, here %s. In %s people sign in "+
				"through %s: while that region is down they cannot, but whoever has a token goes on working",
				e.Regions[1], strings.Join(e.Regions[contract.PoolRegionsMax:], ", "), e.Regions[0]))
	}
	return notes
}
