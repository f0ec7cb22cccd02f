package apiservice

import (
	"cmp"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Defaults of ApiServiceProps.
const (
	TasksMinDefault         = contract.TasksMinDefault // one a zone
	TasksMaxDefault         = contract.TasksMaxDefault
	TaskCpuDefault          = contract.TaskCPUDefault
	TaskMemoryMiBDefault    = contract.TaskMemoryMiBDefault
	CpuTargetPercentDefault = 60
	RequestsPerTaskDefault  = 30_000 // a minute
	ZonesDefault            = contract.ZonesMax
	NatGatewaysDefault      = contract.NatGatewaysDefault
	RequestLimitDefault     = contract.RequestLimitDefault
	LogRetentionDefault     = awslogs.RetentionDays_ONE_MONTH
)

// Limits of ApiServiceProps that are its own; the others are those of package contract.
const (
	CpuTargetMin       = 10
	CpuTargetMax       = 90
	RequestsPerTaskMax = 1_000_000
)

// Domain is an address of its own for the API.
type Domain struct {
	// Name is the address in lower case, such as api.example.com. In several regions all use the same one: Route 53
	// answers with the nearest region that is healthy. Each region is also there under its own name, such as
	// eu-west-1.api.example.com. Required.
	Name string
	// HostedZone is the public zone that holds Name. Required.
	HostedZone awsroute53.IHostedZone
}

// ApiServiceProps configure an ApiService. The zero value of an optional field selects its default.
type ApiServiceProps struct {
	// Tables, Uploads and Settings are what the API works on: the global tables, this region's uploads and the settings
	// secret of package identity. Required.
	Tables   *storage.GlobalTables
	Uploads  *storage.Uploads
	Settings awssecretsmanager.ISecret

	// SettingsRevision is any text that changes with what Settings hold, such as SettingsRevision of package identity.
	// Tasks read them when they start: with another text the next deployment replaces the tasks. Default: they are
	// replaced when something else of them changes.
	SettingsRevision string

	// Key encrypts the logs. Its policy must let CloudWatch Logs write, as that of storage.Key does. Required.
	Key awskms.IKey

	// Domain gives the API an address of its own, with a certificate and records that leave out a failing region. The
	// load balancer is then open to the internet. Default: an address of CloudFront, in front of a load balancer
	// without one.
	Domain *Domain

	// AllowedOrigins are browser origins, besides the service's own, that may call with credentials; 99 at most.
	// Default: none.
	AllowedOrigins []string

	// Retention is how long raw readings are kept, at least 24h. Default: for ever.
	Retention time.Duration

	// UserPoolRegion is the region whose Cognito signs people in. Default: this one.
	UserPoolRegion string

	// IndexShards and FleetBuckets must be those of every region, 1 to 256 each.
	// Defaults: contract.IndexShardsDefault and contract.FleetBucketsDefault.
	IndexShards, FleetBuckets int

	// Vpc hosts the API. It needs private subnets with a way out, in zones where Fargate works; without a Domain also
	// an internet gateway, which CloudFront requires though nothing passes through it, and zones where CloudFront's VPC
	// origins work; with a Domain public subnets. Give it gateway endpoints for DynamoDB and S3, or the NAT gateway
	// bills all readings as well. Default: a new one, for which the three following fields hold.
	Vpc awsec2.IVpc

	// VpcCidr is the new network's private IPv4 range, /16 to /22. Default: 10.0.0.0/16.
	VpcCidr string

	// Zones is how many availability zones the new network spans, 2 or 3. Default: ZonesDefault, or 2 in us-west-1,
	// which has no more.
	Zones int

	// NatGateways is how many zones of the new network have a NAT gateway, 1 to Zones, about $33 a month each. Readings
	// and files do not pass through them. Without one, tasks cannot start, sign people in or write logs. With fewer NAT
	// gateways than Zones, other zones lose their way out when a zone with a gateway fails: their tasks go on with
	// readings and with people who are signed in. Default: NatGatewaysDefault.
	NatGateways int

	// TasksMin and TasksMax bound the autoscaling, 1 to 1000 tasks. Defaults: TasksMinDefault and TasksMaxDefault.
	TasksMin, TasksMax int

	// TaskCpu is in CPU units and TaskMemoryMiB in MiB, at least 1024, in one of Fargate's pairs.
	// Defaults: TaskCpuDefault, TaskMemoryMiBDefault.
	TaskCpu, TaskMemoryMiB int

	// SpotPercent is the share of the tasks above TasksMin that run on Fargate Spot, at about a third of the price, and
	// which AWS may take away with two minutes' notice; 0 to 100. At 100, one task in a hundred is still not on Spot,
	// since ECS ignores a capacity provider without weight. Default: 0.
	SpotPercent int

	// Deployment is how a new version takes over. With Canary and Linear, requests move to the new tasks in steps, and
	// alarms on errors, latency and unhealthy tasks send the deployment back; during a deployment there are twice as
	// many tasks. An existing service may go to either at any time. On the way back to Rolling, requests can fail for
	// some minutes where the last deployment has left the tasks in AlternateTargetGroup: deploy once more before.
	// Default: Canary; with Disposable Rolling.
	Deployment Deployment

	// SmokeTestCredentials are the credentials of a machine client with all scopes, as identity.Identity.SmokeTest holds
	// them, encrypted with Key. With them a function tries the API: it signs in, writes a reading, reads its aggregate
	// and deletes it. With Canary and Linear, a deployment goes back when new tasks fail that. Default: none, and no
	// such function.
	SmokeTestCredentials awssecretsmanager.ISecret

	// SmokeTestName is the name of the function, by which a pipeline may invoke it. Default: CloudFormation makes it up.
	SmokeTestName string

	// SmokeTestCode was built elsewhere from runtime/cmd/smoketest. Default: built from this module's sources.
	SmokeTestCode awslambda.Code

	// CpuTargetPercent is the mean CPU use that the scaling aims at, 10 to 90. Default: CpuTargetPercentDefault.
	CpuTargetPercent int

	// RequestsPerTask is how many requests a minute the scaling gives each task, 1 to 1,000,000. Default:
	// RequestsPerTaskDefault.
	RequestsPerTask int

	// Architecture is the processor that the image is built for; an Image must be built for the same. Default: ARM64, a
	// fifth cheaper for the same work.
	Architecture goasset.Architecture

	// Image is a container image that was built elsewhere from runtime/cmd/api, with the program at /app as in
	// goasset.ContainerImage. Default: built from this module's sources.
	Image awsecs.ContainerImage

	// RequestLimit is how many requests of one address are let through in five minutes, 10 to 2,000,000,000.
	// Default: RequestLimitDefault.
	RequestLimit int

	// FirewallLog is which requests the firewall writes to its log. Default: FirewallLogRefused.
	FirewallLog FirewallLog

	// LogRetention is how long logs are kept. Default: LogRetentionDefault.
	LogRetention awslogs.RetentionDays

	// Leaving takes the load balancer's protection against deletion away, so that the stack can be destroyed. Logs stay.
	// Default: it is protected.
	Leaving bool

	// Disposable lets the load balancer, the logs and the bucket of access logs, which is emptied, be deleted with
	// their stack. For test environments. Default: deletion protection, and logs stay when their stack goes.
	Disposable bool
}

// withDefaults fills in what is left out, for the region that the stack is in.
func (p ApiServiceProps) withDefaults(region string) ApiServiceProps {
	for _, number := range []struct {
		value     *int
		byDefault int
	}{
		{&p.TasksMin, TasksMinDefault},
		{&p.TasksMax, rule.TasksMaxDefault(p.TasksMin)},
		{&p.TaskCpu, TaskCpuDefault},
		{&p.TaskMemoryMiB, TaskMemoryMiBDefault},
		{&p.CpuTargetPercent, CpuTargetPercentDefault},
		{&p.RequestsPerTask, RequestsPerTaskDefault},
		{&p.Zones, rule.ZonesIn(region)},
		{&p.NatGateways, NatGatewaysDefault},
		{&p.RequestLimit, RequestLimitDefault},
		{&p.IndexShards, contract.IndexShardsDefault},
		{&p.FleetBuckets, contract.FleetBucketsDefault},
	} {
		if *number.value == 0 {
			*number.value = number.byDefault
		}
	}
	if p.VpcCidr == "" {
		p.VpcCidr = rule.NetworkDefault(0)
	}
	p.Deployment = p.Deployment.Or(p.Disposable)
	p.FirewallLog = cmp.Or(p.FirewallLog, FirewallLogRefused)
	if p.LogRetention == "" {
		p.LogRetention = LogRetentionDefault
	}
	return p
}
