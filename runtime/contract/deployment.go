package contract

import "time"

// Deployments are the ways in which a new version of the API takes over.
func Deployments() []string { return []string{DeploymentCanary, DeploymentLinear, DeploymentRolling} }

// FirewallLogs are what the firewall may write to its log.
func FirewallLogs() []string { return []string{FirewallLogRefused, FirewallLogAll} }

// Fields of the secret that tells a program how to get tokens as a machine client.
const (
	CredentialsTokenURL     = "token_url"
	CredentialsClientID     = "client_id"
	CredentialsClientSecret = "client_secret"
)

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

	// SmokeTestClient is the machine client that tries each region, and SmokeTestEquipmentPrefix is what the name of its
	// equipment begins with, before the region.
	SmokeTestClient          = "smoketest"
	SmokeTestEquipmentPrefix = "sensorflow.smoketest."

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
	// CSVReceivesMax is how often a message about a file is received before it becomes a dead letter. Those that fail come back after
	// 10 s, then after twice as long each time, up to 15 min.
	CSVReceivesMax = 15
	// CSVConcurrencyMin and CSVConcurrencyMax are Lambda's bounds for the concurrency of a queue.
	CSVConcurrencyMin = 2
	CSVConcurrencyMax = 1000

	// RequestLimitDefault is how many requests of one address pass in five minutes.
	RequestLimitDefault = 6000
	// RequestLimitMin and RequestLimitMax are the firewall's bounds.
	RequestLimitMin = 10
	RequestLimitMax = 2_000_000_000
	// FirewallLogRefused and FirewallLogAll are which requests the firewall writes to its log.
	FirewallLogRefused = "refused"
	FirewallLogAll     = "all"

	// AggregationWindowDefault is how long the aggregator's event source waits for more records of a shard. The readings of
	// an equipment and hour that come together cost one write.
	AggregationWindowDefault = time.Second
	// AggregationWindowMax leaves of the 5 s within which a reading shows 2 s for an answer that is used again, and one for
	// the poll before and the writes after.
	AggregationWindowMax = 2 * time.Second
)
