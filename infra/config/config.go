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
	// Regions are those that serve; the first is the primary, in which the user pool and the definition of the tables live.
	Regions []string `json:"regions"`
	// Leaving are those of Regions that the next deployment but one takes away: it could not while their tables are protected
	// against deletion. Default: none.
	Leaving []string `json:"leaving"`
	// AlarmEmails receive the alarms. Default: nobody.
	AlarmEmails []string `json:"alarmEmails"`
	// Domain gives the API an address of its own. Default: each region has a CloudFront address.
	Domain *Domain `json:"domain"`
	// AllowedOrigins are the browser origins, besides the service's own, that may call with credentials.
	AllowedOrigins []string `json:"allowedOrigins"`
	// RetentionDays is how long raw readings are kept. Default: 0, for ever.
	RetentionDays int `json:"retentionDays"`
	// TasksMin and TasksMax bound the autoscaling of the API in each region.
	TasksMin int `json:"tasksMin"`
	TasksMax int `json:"tasksMax"`
	// TaskCPU is in CPU units, TaskMemory in MiB; Fargate takes certain pairs only, and the API needs a GiB.
	TaskCPU    int `json:"taskCpu"`
	TaskMemory int `json:"taskMemoryMiB"`
	// SpotPercent is the share of tasks above TasksMin that run on Fargate Spot.
	SpotPercent int `json:"spotPercent"`
	// VPCCidrs are the address ranges of the regions' networks. Default: rule.NetworkDefault, 10.0.0.0/16 for the first region,
	// 10.1.0.0/16 for the second and so on.
	VPCCidrs map[string]string `json:"vpcCidrs"`
	// Zones is how many availability zones each region uses. Default: 3, or as many as the region has.
	Zones int `json:"zones"`
	// NatGateways is how many of the zones have a NAT gateway. Default: 1.
	NatGateways int `json:"natGateways"`
	// MachineClients name the app clients of machines.
	MachineClients []string `json:"machineClients"`
	// IndexShards and FleetBuckets spread the aggregates; both may be raised and never lowered.
	IndexShards  int `json:"indexShards"`
	FleetBuckets int `json:"fleetBuckets"`
	// CSVConcurrency is how many ranges of CSV files are worked on at once in each region.
	CSVConcurrency int `json:"csvConcurrency"`
	// RequestLimit is how many requests of one address are let through in five minutes.
	RequestLimit int `json:"requestLimit"`
	// LogRetentionDays is how long logs are kept.
	LogRetentionDays int `json:"logRetentionDays"`
	// Disposable is for environments that are thrown away: destroying their stacks destroys their data.
	Disposable bool `json:"disposable"`
	// Approval lets the pipeline wait for a person before it deploys this environment.
	Approval bool `json:"approval"`
}

// Domain is an address in a hosted zone of Route 53.
type Domain struct {
	// Name is the address of the API, such as api.example.com.
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
	// ConnectionARN is the connection of CodeConnections to where the source is kept; a person makes and confirms it once.
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

// Primary is the region in which the user pool and the definition of the tables live.
func (e Environment) Primary() string { return e.Regions[0] }

// Only returns the configuration of one environment, without the pipeline.
func (c Config) Only(name string) (Config, error) {
	e, known := c.Environments[name]
	if !known {
		return Config{}, fmt.Errorf("the context key env must be one of the environments %s, got %s",
			strings.Join(slices.Sorted(maps.Keys(c.Environments)), ", "), name)
	}
	return Config{Environments: map[string]Environment{name: e}}, nil
}

// environmentDefaults is what decoding starts from, so that a 0 that was written is told from one that was not.
func environmentDefaults() Environment {
	return Environment{
		TasksMin: contract.TasksMinDefault, TasksMax: contract.TasksMaxDefault,
		TaskCPU: contract.TaskCPUDefault, TaskMemory: contract.TaskMemoryMiBDefault,
		IndexShards: contract.IndexShardsDefault, FleetBuckets: contract.FleetBucketsDefault,
		CSVConcurrency: contract.CSVConcurrencyDefault, RequestLimit: contract.RequestLimitDefault,
		LogRetentionDays: contract.LogRetentionDaysDefault,
	}
}

// withDefaults fills in what depends on something else.
func (e Environment) withDefaults(name string, written func(key string) bool, defaults Defaults) Environment {
	e.Name = name
	if e.Account == "" {
		e.Account = defaults.Account
	}
	if len(e.MachineClients) == 0 {
		e.MachineClients = []string{"machine"}
	}
	if !written("tasksMax") {
		e.TasksMax = rule.TasksMaxDefault(e.TasksMin)
	}
	return e
}
