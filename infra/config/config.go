package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// ContextKey is the key of cdk.json's context below which the configuration stands.
const ContextKey = "sensorflow"

// StackPrefix begins the names of all stacks.
const StackPrefix = "SensorFlow-"

// PipelineName follows StackPrefix in the name of the pipeline's stack; no environment has it.
const PipelineName = "pipeline"

// Config is everything that a synthesis needs to know.
type Config struct {
	// Environments are the deployments by name, such as dev or prod.
	Environments map[string]Environment `json:"environments"`
	// Pipeline delivers the environments; without it there is no pipeline stack.
	Pipeline *Pipeline `json:"pipeline"`
}

// Environment is one deployment of the service to one or several regions.
type Environment struct {
	// Name is the key in Config.Environments.
	Name string `json:"-"`
	// Account is the AWS account, 12 digits. Default: that of the credentials in use.
	Account string `json:"account"`
	// Regions are the 1 to 10 that serve; the first is the primary, in which the user pool and the definition of the
	// tables live. Of several, Cognito must replicate user pools between the first two.
	Regions []string `json:"regions"`
	// Leaving are those of Regions that the deployment after the next one takes away. The next one ends the protection
	// of their tables, load balancers and stacks against deletion. Default: none.
	Leaving []string `json:"leaving"`
	// Adopted are regions that have left for good. The first of Regions keeps their aggregates equal to the readings
	// that they wrote. They stay here, and out of Regions, as long as the environment lives. Default: none.
	Adopted []string `json:"adopted"`
	// AlarmEmails receive the alarms. Default: nobody.
	AlarmEmails []string `json:"alarmEmails"`
	// Domain gives the API an address of its own. Default: each region has a CloudFront address.
	Domain *Domain `json:"domain"`
	// AllowedOrigins are the browser origins, besides the service's own, that may call with credentials; 99 at most.
	AllowedOrigins []string `json:"allowedOrigins"`
	// RetentionDays is how many days raw readings are kept, 1 to 36500. Default: 0, for ever.
	RetentionDays int `json:"retentionDays"`
	// TasksMin and TasksMax bound the autoscaling of the API in each region, 1 to 1000 tasks. Defaults: 3 and 60, or
	// TasksMin where that is more.
	TasksMin int `json:"tasksMin"`
	TasksMax int `json:"tasksMax"`
	// TaskCPU is in CPU units, TaskMemory in MiB; Fargate takes certain pairs only, and the API needs a GiB. Defaults:
	// 512 and 1024.
	TaskCPU    int `json:"taskCpu"`
	TaskMemory int `json:"taskMemoryMiB"`
	// SpotPercent is the share of tasks above TasksMin that run on Fargate Spot, 0 to 100. Default: 0.
	SpotPercent int `json:"spotPercent"`
	// Deployment is how a new version takes over: canary gives it a tenth of the requests for ten minutes and then all,
	// linear a fifth more every three minutes, and alarms send it back; rolling replaces task after task. Default:
	// canary; rolling for a disposable environment.
	Deployment string `json:"deployment"`
	// VPCCidrs are the private address ranges of the regions' networks, by region, /16 to /22; they must not overlap.
	// Default: 10.0.0.0/16 for the first region, 10.1.0.0/16 for the second and so on.
	VPCCidrs map[string]string `json:"vpcCidrs"`
	// Zones is how many availability zones each region uses, 2 or 3. Default: 3, or as many as the region has.
	Zones int `json:"zones"`
	// NatGateways is how many of the zones have a NAT gateway, 1 to Zones. Default: 1.
	NatGateways int `json:"natGateways"`
	// MachineClients are the app clients of machines, 100 at most. Each is its name alone, or an object of a
	// MachineClient's keys. Default: one named machine.
	MachineClients []MachineClient `json:"machineClients"`
	// IndexShards and FleetBuckets spread the aggregates over partitions, 1 to 256 each; both may be raised and never
	// lowered. Default: 8 each.
	IndexShards  int `json:"indexShards"`
	FleetBuckets int `json:"fleetBuckets"`
	// CSVConcurrency is how many ranges of CSV files are worked on at once in each region, 2 to 1000. Default: 4.
	CSVConcurrency int `json:"csvConcurrency"`
	// RequestLimit is how many requests of one address the firewall lets through in five minutes, 10 to 2,000,000,000.
	// Default: 6000.
	RequestLimit int `json:"requestLimit"`
	// FirewallLog is which requests the firewall writes to its log: refused or all. Default: refused.
	FirewallLog string `json:"firewallLog"`
	// AggregationWindowSeconds is how long the aggregator waits for more records of a shard of the stream, 0 to 2: what an
	// equipment sends meanwhile costs one write. Default: 1.
	AggregationWindowSeconds int `json:"aggregationWindowSeconds"`
	// LogRetentionDays is how many days logs are kept, one of the numbers that CloudWatch takes. Default: 30.
	LogRetentionDays int `json:"logRetentionDays"`
	// Disposable is for environments that are thrown away: destroying their stacks destroys their data.
	Disposable bool `json:"disposable"`
	// Approval lets the pipeline wait for a person before it deploys this environment, and again at the change set of
	// each stack that holds data or serves.
	Approval bool `json:"approval"`
}

// MachineClient is an app client through which programs get tokens.
type MachineClient struct {
	// Name tells the clients apart: up to 64 letters, digits and hyphens, beginning with a letter.
	Name string `json:"name"`
	// Scopes are what its tokens allow, of sensor-flow/read, sensor-flow/write and sensor-flow/admin. Default: the
	// first two, so that only a machine of which it is said can delete readings.
	Scopes []string `json:"scopes"`
	// NameAlone is set where the configuration holds a text in place of the object.
	NameAlone bool `json:"-"`
}

func (m *MachineClient) setText(name string) { *m = MachineClient{Name: name, NameAlone: true} }

// Domain is an address in a hosted zone of Route 53.
type Domain struct {
	// Name is the address of the API in lower case, such as api.example.com; 64 characters at most.
	Name string `json:"name"`
	// HostedZoneID and HostedZoneName are those of a public zone that holds the name.
	HostedZoneID   string `json:"hostedZoneId"`
	HostedZoneName string `json:"hostedZoneName"`
}

// Pipeline delivers what is pushed to a branch.
type Pipeline struct {
	// Account and Region are where the pipeline itself lives. Defaults: those of the first environment.
	Account string `json:"account"`
	Region  string `json:"region"`
	// ConnectionARN is the connection of CodeConnections to where the source is kept; a person makes and confirms it
	// once.
	ConnectionARN string `json:"connectionArn"`
	// Repository is owner/name.
	Repository string `json:"repository"`
	// Branch is what is delivered. Default: main.
	Branch string `json:"branch"`
	// Environments are delivered one after the other.
	Environments []string `json:"environments"`
}

// Retention is RetentionDays as a duration; 0 means for ever.
func (e Environment) Retention() time.Duration {
	return time.Duration(e.RetentionDays) * 24 * time.Hour
}

// AggregationWindow is AggregationWindowSeconds as a duration.
func (e Environment) AggregationWindow() time.Duration {
	return time.Duration(e.AggregationWindowSeconds) * time.Second
}

// Primary is the region in which the user pool and the definition of the tables live.
func (e Environment) Primary() string { return e.Regions[0] }

// Environment returns the environment of a name that somebody gave as ENV.
func (c Config) Environment(name string) (Environment, error) {
	e, known := c.Environments[name]
	if !known {
		return Environment{}, rule.Fault{
			Field: "ENV", Got: name, Rule: fmt.Sprintf("must be one of %s, as %s has them",
				strings.Join(slices.Sorted(maps.Keys(c.Environments)), ", "), File),
		}
	}
	return e, nil
}

// Only returns the configuration of one environment, without the pipeline.
func (c Config) Only(name string) (Config, error) {
	e, known := c.Environments[name]
	if !known {
		return Config{}, fmt.Errorf("the context key env must be one of the environments %s, got %s",
			strings.Join(slices.Sorted(maps.Keys(c.Environments)), ", "), name)
	}
	return Config{Environments: map[string]Environment{name: e}}, nil
}

// environmentDefaults is what decoding starts from: a 0 that somebody wrote replaces a default.
func environmentDefaults() Environment {
	return Environment{
		TasksMin: contract.TasksMinDefault, TasksMax: contract.TasksMaxDefault,
		TaskCPU: contract.TaskCPUDefault, TaskMemory: contract.TaskMemoryMiBDefault,
		IndexShards: contract.IndexShardsDefault, FleetBuckets: contract.FleetBucketsDefault,
		CSVConcurrency: contract.CSVConcurrencyDefault, RequestLimit: contract.RequestLimitDefault,
		AggregationWindowSeconds: int(contract.AggregationWindowDefault / time.Second),
		LogRetentionDays:         contract.LogRetentionDaysDefault,
	}
}

// withDefaults fills in what depends on something else.
func (e Environment) withDefaults(name string, written func(key string) bool, defaults Defaults) Environment {
	e.Name = name
	if e.Account == "" {
		e.Account = defaults.Account
	}
	if len(e.MachineClients) == 0 {
		e.MachineClients = []MachineClient{{Name: "machine"}}
	}
	if !written("tasksMax") {
		e.TasksMax = rule.TasksMaxDefault(e.TasksMin)
	}
	return e
}
