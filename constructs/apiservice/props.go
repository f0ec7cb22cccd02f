package apiservice

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Defaults of ApiServiceProps.
const (
	TasksMinDefault         = 3 // one a zone
	TasksMaxDefault         = 60
	TaskCpuDefault          = 512  // CPU units, 1024 being one vCPU
	TaskMemoryMiBDefault    = 1024 // bodies in flight alone may take 0.4 GB
	CpuTargetPercentDefault = 60
	RequestsPerTaskDefault  = 30_000 // a minute
	ZonesDefault            = 3
	NatGatewaysDefault      = 1
	VpcCidrDefault          = "10.0.0.0/16"
	RequestLimitDefault     = 6000
	LogRetentionDefault     = awslogs.RetentionDays_ONE_MONTH
	containerPort           = 8080
	tasksAllowedMax         = 1000
)

// Domain is an address of its own for the API.
type Domain struct {
	// Name is the address, such as api.example.com. In several regions all use the same one: Route 53 answers with the nearest
	// region that is healthy. Required.
	Name string
	// HostedZone is the public zone that holds Name. Required.
	HostedZone awsroute53.IHostedZone
}

// ApiServiceProps configure an ApiService. The zero value of an optional field selects its default.
type ApiServiceProps struct { //nolint:revive // the name that the CDK's users look for
	// Tables, Uploads and Settings are what the API works on: the global tables, this region's uploads and the settings secret
	// of package identity. Required.
	Tables   *storage.GlobalTables
	Uploads  *storage.Uploads
	Settings awssecretsmanager.ISecret
	// Key encrypts logs, and is the one with which the tables, the bucket and the secret are encrypted. Required.
	Key awskms.IKey

	// Domain gives the API an address of its own, with a certificate and records that leave out a failing region. The load
	// balancer is then open to the internet. Default: an address of CloudFront, in front of a load balancer without one.
	Domain *Domain
	// AllowedOrigins are browser origins, besides the service's own, that may call with credentials. Default: none.
	AllowedOrigins []string
	// Retention is how long raw readings are kept, at least 24h. Default: for ever.
	Retention time.Duration
	// UserPoolRegion is the region whose Cognito signs people in. Default: this one.
	UserPoolRegion string
	// IndexShards and FleetBuckets must be those of every region. Defaults: contract.IndexShardsDefault and FleetBucketsDefault.
	IndexShards, FleetBuckets int

	// Vpc hosts the API. It needs private subnets with a way out. Default: a new one, for which the three following fields hold.
	Vpc awsec2.IVpc
	// VpcCidr is the new network's private IPv4 range, /16 to /22. Default: VpcCidrDefault.
	VpcCidr string
	// Zones is how many availability zones the new network spans, 2 or 3. Default: ZonesDefault.
	Zones int
	// NatGateways is how many zones of the new network have a NAT gateway, 1 to Zones, about $33 a month each. Readings and files
	// do not pass through them; without one, tasks cannot start, sign people in or write logs. Default: NatGatewaysDefault.
	NatGateways int

	// TasksMin and TasksMax bound the autoscaling, 1 to 1000 tasks. Defaults: TasksMinDefault and TasksMaxDefault.
	TasksMin, TasksMax int
	// TaskCpu is in CPU units and TaskMemoryMiB in MiB, in one of Fargate's pairs. Defaults: TaskCpuDefault, TaskMemoryMiBDefault.
	TaskCpu, TaskMemoryMiB int
	// SpotPercent is the share of the tasks above TasksMin that run on Fargate Spot, at about a third of the price, and may be taken
	// away with two minutes' notice; 0 to 100. Default: 0.
	SpotPercent int
	// CpuTargetPercent is the mean CPU use that the scaling aims at, 10 to 90. Default: CpuTargetPercentDefault.
	CpuTargetPercent int
	// RequestsPerTask is how many requests a minute the scaling gives each task. Default: RequestsPerTaskDefault.
	RequestsPerTask int

	// Architecture is what the image is built for. Default: ARM64, a fifth cheaper for the same work.
	Architecture goasset.Architecture
	// Image is a container image made elsewhere of runtime/cmd/api. Default: built from this module's sources.
	Image awsecs.ContainerImage

	// RequestLimit is how many requests of one address are let through in five minutes, at least 10. Default: RequestLimitDefault.
	RequestLimit int
	// LogRetention is how long logs are kept. Default: LogRetentionDefault.
	LogRetention awslogs.RetentionDays
	// Disposable lets the load balancer be deleted and its access logs with it. Default: false.
	Disposable bool
}

// Validate reports everything that is wrong with the props.
func (p ApiServiceProps) Validate() error {
	d := p.withDefaults()
	errs := []error{p.required()}
	between := func(field string, got, from, to int) {
		if got < from || got > to {
			errs = append(errs, fmt.Errorf("%s must be %d to %d, got %d", field, from, to, got))
		}
	}
	if p.Retention != 0 && p.Retention < contract.RetentionMin {
		errs = append(errs, fmt.Errorf("Retention must be at least 24h, got %s; leave it out to keep readings for ever", p.Retention))
	}
	between("TasksMin", d.TasksMin, 1, tasksAllowedMax)
	between("TasksMax", d.TasksMax, d.TasksMin, tasksAllowedMax)
	between("SpotPercent", d.SpotPercent, 0, 100)
	between("CpuTargetPercent", d.CpuTargetPercent, 10, 90)
	between("RequestsPerTask", d.RequestsPerTask, 1, 1_000_000)
	between("RequestLimit", d.RequestLimit, 10, 2_000_000_000)
	between("IndexShards", d.IndexShards, 1, contract.ShardsMax)
	between("FleetBuckets", d.FleetBuckets, 1, contract.ShardsMax)
	return errors.Join(append(errs, p.network(d)...)...)
}

func (p ApiServiceProps) required() error {
	var errs []error
	for field, missing := range map[string]bool{
		"Tables": p.Tables == nil, "Uploads": p.Uploads == nil, "Settings": p.Settings == nil, "Key": p.Key == nil,
		"Domain.Name":       p.Domain != nil && p.Domain.Name == "",
		"Domain.HostedZone": p.Domain != nil && p.Domain.HostedZone == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s is required", field))
		}
	}
	return errors.Join(errs...)
}

// network checks the fields of a new network; with an existing one they would have no effect, which is refused.
func (p ApiServiceProps) network(d ApiServiceProps) []error {
	if p.Vpc != nil {
		if p.VpcCidr != "" || p.Zones != 0 || p.NatGateways != 0 {
			return []error{errors.New("VpcCidr, Zones and NatGateways are for a new network and must be left out with Vpc")}
		}
		return nil
	}
	var errs []error
	prefix, err := netip.ParsePrefix(d.VpcCidr)
	if err != nil || !prefix.Addr().Is4() || prefix.Masked() != prefix || prefix.Bits() < 16 || prefix.Bits() > 22 {
		errs = append(errs, fmt.Errorf("VpcCidr must be an IPv4 range of /16 to /22 such as %s, got %q", VpcCidrDefault, d.VpcCidr))
	}
	if d.Zones < 2 || d.Zones > 3 {
		errs = append(errs, fmt.Errorf("Zones must be 2 or 3, got %d", d.Zones))
	}
	if d.NatGateways < 1 || d.NatGateways > d.Zones {
		errs = append(errs, fmt.Errorf("NatGateways must be 1 to Zones (%d), got %d", d.Zones, d.NatGateways))
	}
	return errs
}

func (p ApiServiceProps) withDefaults() ApiServiceProps {
	for field, fallback := range map[*int]int{
		&p.TasksMin: TasksMinDefault, &p.TaskCpu: TaskCpuDefault, &p.TaskMemoryMiB: TaskMemoryMiBDefault,
		&p.CpuTargetPercent: CpuTargetPercentDefault, &p.RequestsPerTask: RequestsPerTaskDefault, &p.Zones: ZonesDefault,
		&p.NatGateways: NatGatewaysDefault, &p.RequestLimit: RequestLimitDefault,
		&p.IndexShards: contract.IndexShardsDefault, &p.FleetBuckets: contract.FleetBucketsDefault,
	} {
		if *field == 0 {
			*field = fallback
		}
	}
	if p.TasksMax == 0 {
		p.TasksMax = max(TasksMaxDefault, p.TasksMin)
	}
	if p.VpcCidr == "" {
		p.VpcCidr = VpcCidrDefault
	}
	if p.LogRetention == "" {
		p.LogRetention = LogRetentionDefault
	}
	return p
}
