package contract

import "time"

// Deployments are the ways in which a new version of the API takes over.
func Deployments() []string { return []string{DeploymentCanary, DeploymentLinear, DeploymentRolling} }

// What a deployment may be set to, and what it is where nothing is said. Package rule tells which values keep to it.
const (
	// RegionsMax is how many regions serve together.
	RegionsMax = 10
	// PoolRegionsMax is how many of them have the user pool: Cognito replicates it to one other.
	PoolRegionsMax = 2
	// NameCharsMax bounds the names that tables, secrets and clients are known by.
	NameCharsMax = 64
	// DeploymentNameCharsMax bounds the name of a deployment, to which stacks add a suffix and a region.
	DeploymentNameCharsMax = 40
	// DomainCharsMax is what ACM takes as the first name of a certificate.
	DomainCharsMax = 64
	// OriginsMax leaves the service's own origin room among the 100 CORS rules that S3 takes for a bucket.
	OriginsMax = 99
	// MachineClientsMax keeps the list of clients well below what an environment variable can hold.
	MachineClientsMax = 100

	// RetentionMax is the longest retention of raw readings: longer ones are meant to be for ever.
	RetentionMax = 36_500 * 24 * time.Hour
	// LogRetentionDaysDefault is how many days logs are kept.
	LogRetentionDaysDefault = 30

	// TasksMinDefault starts one task a zone.
	TasksMinDefault = 3
	TasksMaxDefault = 60
	// TaskCountMax is the most tasks that either bound of the autoscaling may be.
	TaskCountMax = 1000
	// TaskCPUDefault is in CPU units; 1024 are one vCPU.
	TaskCPUDefault = 512
	// TaskMemoryMiBMin is what the API's bounds are measured with: package memory shares it out among connections, bodies and
	// answers.
	TaskMemoryMiBMin     = 1024
	TaskMemoryMiBDefault = TaskMemoryMiBMin
	SpotPercentMax       = 100

	// DeploymentCanary, DeploymentLinear and DeploymentRolling are how a new version of the API takes over.
	DeploymentCanary  = "canary"
	DeploymentLinear  = "linear"
	DeploymentRolling = "rolling"
	// NewTasksHeader and NewTasksValue lead a request to the tasks of the version that is being deployed. They open
	// nothing: those tasks ask for the same tokens as the others.
	NewTasksHeader = "X-Sensorflow-Tasks"
	NewTasksValue  = "new"

	// ZonesMin and ZonesMax bound how many availability zones a new network spans.
	ZonesMin = 2
	ZonesMax = 3
	// NatGatewaysDefault is how many of the zones have a NAT gateway.
	NatGatewaysDefault = 1
	// NetworkBitsMin and NetworkBitsMax bound the prefix of a network: a VPC takes no wider one, and a narrower one has no room
	// for the subnets of three zones.
	NetworkBitsMin = 16
	NetworkBitsMax = 22

	// CSVConcurrencyDefault functions write as many readings as a table takes that has not been used before: each sends 16
	// batches at once, up to 50,000 readings a second.
	CSVConcurrencyDefault = 4
	// CSVConcurrencyMin and CSVConcurrencyMax are Lambda's bounds for the concurrency of a queue.
	CSVConcurrencyMin = 2
	CSVConcurrencyMax = 1000

	// RequestLimitDefault is how many requests of one address pass in five minutes.
	RequestLimitDefault = 6000
	// RequestLimitMin and RequestLimitMax are the firewall's bounds.
	RequestLimitMin = 10
	RequestLimitMax = 2_000_000_000
)
