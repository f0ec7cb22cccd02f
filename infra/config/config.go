package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// ContextKey is the key of cdk.json's context below which the configuration stands.
const ContextKey = "sensorflow"

// Defaults of an Environment.
const (
	TasksMinDefault       = 3 // one a zone
	TasksMaxDefault       = 60
	TaskCPUDefault        = 512  // CPU units, 1024 being one vCPU
	TaskMemoryDefault     = 1024 // MiB
	LogRetentionDefault   = 30   // days
	RequestLimitDefault   = 6000 // requests of one address in five minutes
	CSVConcurrencyDefault = 4    // as many as a new table takes
)

// Config is everything that a synthesis needs to know.
type Config struct {
	// Environments are the deployments by name, such as dev or prod.
	Environments map[string]Environment `json:"environments" validate:"required,min=1,dive,keys,envname,endkeys"`
	// Pipeline delivers the environments; without it there is no pipeline stack.
	Pipeline *Pipeline `json:"pipeline"`
}

// Environment is one deployment of the service to one or several regions.
type Environment struct {
	// Name is the key in Config.Environments.
	Name string `json:"-"`
	// Account is the AWS account, 12 digits. Default: that of the credentials in use.
	Account string `json:"account" validate:"required,account"`
	// Regions are those that serve; the first is the primary, in which the user pool and the definition of the tables live.
	Regions []string `json:"regions" validate:"required,min=1,max=10,unique,dive,region"`
	// Leaving are those of Regions that the next deployment but one takes away: it could not while their tables are protected
	// against deletion. Default: none.
	Leaving []string `json:"leaving" validate:"unique"`
	// AlarmEmails receive the alarms. Default: nobody.
	AlarmEmails []string `json:"alarmEmails" validate:"unique,dive,email"`
	// Domain gives the API an address of its own. Default: each region has a CloudFront address.
	Domain *Domain `json:"domain"`
	// AllowedOrigins are the browser origins, besides the service's own, that may call with credentials.
	AllowedOrigins []string `json:"allowedOrigins" validate:"unique,dive,origin"`
	// RetentionDays is how long raw readings are kept. Default: 0, for ever.
	RetentionDays int `json:"retentionDays" validate:"min=0,max=36500"`
	// TasksMin and TasksMax bound the autoscaling of the API in each region.
	TasksMin int `json:"tasksMin" validate:"min=1,max=1000"`
	TasksMax int `json:"tasksMax" validate:"min=1,max=1000,gtefield=TasksMin"`
	// TaskCPU is in CPU units, TaskMemory in MiB; Fargate takes certain pairs only, and the API needs a GiB.
	TaskCPU    int `json:"taskCpu" validate:"oneof=256 512 1024 2048 4096 8192 16384"`
	TaskMemory int `json:"taskMemoryMiB" validate:"min=1024,max=122880"`
	// SpotPercent is the share of tasks above TasksMin that run on Fargate Spot.
	SpotPercent int `json:"spotPercent" validate:"min=0,max=100"`
	// VPCCidrs are the address ranges of the regions' networks. Default: 10.0.0.0/16 for the first region, 10.1.0.0/16 for the
	// second and so on.
	VPCCidrs map[string]string `json:"vpcCidrs" validate:"dive,vpccidr"`
	// Zones is how many availability zones each region uses. Default: 3, or as many as the region has.
	Zones int `json:"zones" validate:"omitempty,min=2,max=3"`
	// NatGateways is how many of the zones have a NAT gateway. Default: 1.
	NatGateways int `json:"natGateways" validate:"omitempty,min=1,max=3"`
	// MachineClients name the app clients of machines.
	MachineClients []string `json:"machineClients" validate:"unique,max=100,dive,machine"`
	// IndexShards and FleetBuckets spread the aggregates; both may be raised and never lowered.
	IndexShards  int `json:"indexShards" validate:"min=1,max=256"`
	FleetBuckets int `json:"fleetBuckets" validate:"min=1,max=256"`
	// CSVConcurrency is how many ranges of CSV files are worked on at once in each region.
	CSVConcurrency int `json:"csvConcurrency" validate:"min=2,max=1000"`
	// RequestLimit is how many requests of one address are let through in five minutes.
	RequestLimit int `json:"requestLimit" validate:"min=100,max=20000000"`
	// LogRetentionDays is how long logs are kept.
	LogRetentionDays int `json:"logRetentionDays" validate:"oneof=1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 3653"`
	// Disposable is for environments that are thrown away: destroying their stacks destroys their data.
	Disposable bool `json:"disposable"`
	// Approval lets the pipeline wait for a person before it deploys this environment.
	Approval bool `json:"approval"`
}

// Domain is an address in a hosted zone of Route 53.
type Domain struct {
	// Name is the address of the API, such as api.example.com.
	Name string `json:"name" validate:"required,fqdn"`
	// HostedZoneID and HostedZoneName are those of a public zone that holds the name.
	HostedZoneID   string `json:"hostedZoneId" validate:"required,zoneid"`
	HostedZoneName string `json:"hostedZoneName" validate:"required,fqdn"`
}

// Pipeline delivers what is pushed to a branch.
type Pipeline struct {
	// Account and Region are where the pipeline itself lives. Defaults: those of the first environment.
	Account string `json:"account" validate:"required,account"`
	Region  string `json:"region" validate:"required,region"`
	// ConnectionARN is the connection of CodeConnections to where the source is kept; a person makes and confirms it once.
	ConnectionARN string `json:"connectionArn" validate:"required,connection"`
	// Repository is owner/name.
	Repository string `json:"repository" validate:"required,repository"`
	// Branch is what is delivered. Default: main.
	Branch string `json:"branch" validate:"required"`
	// Environments are delivered one after the other.
	Environments []string `json:"environments" validate:"required,min=1,unique"`
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

// VPCCidr is the address range of a region's network.
func (e Environment) VPCCidr(region string) string { return e.VPCCidrs[region] }

// withDefaults fills in what was left out and depends on something else.
func (e Environment) withDefaults(name string, defaults Defaults) Environment {
	e.Name = name
	if e.Account == "" {
		e.Account = defaults.Account
	}
	if len(e.MachineClients) == 0 {
		e.MachineClients = []string{"machine"}
	}
	cidrs := map[string]string{}
	for i, region := range e.Regions {
		cidrs[region] = defaultCidr(i)
	}
	for region, cidr := range e.VPCCidrs {
		cidrs[region] = cidr
	}
	e.VPCCidrs = cidrs
	return e
}

// environmentDefaults is what decoding starts from, so that a 0 that was written is told from one that was not.
func environmentDefaults() Environment {
	return Environment{
		TasksMin: TasksMinDefault, TasksMax: TasksMaxDefault, TaskCPU: TaskCPUDefault, TaskMemory: TaskMemoryDefault,
		IndexShards:  contract.IndexShardsDefault,
		FleetBuckets: contract.FleetBucketsDefault, CSVConcurrency: CSVConcurrencyDefault,
		RequestLimit: RequestLimitDefault, LogRetentionDays: LogRetentionDefault,
	}
}
