package sensorflow

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/operations"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

// SensorFlowProps configure a SensorFlow. The zero value of an optional field selects its default; nil props select all
// defaults.
type SensorFlowProps struct {
	// Retention is how long a raw reading is kept; aggregates are kept. At least 24h. Default: for ever.
	Retention time.Duration

	// Domain gives the API an address of its own. Default: an address of CloudFront.
	Domain *apiservice.Domain
	// AllowedOrigins are browser origins, besides the service's own, that may call with credentials and send files to
	// the bucket. Default: none.
	AllowedOrigins []string
	// RequestLimit is how many requests of one address are let through in five minutes. Default:
	// apiservice.RequestLimitDefault.
	RequestLimit int
	// FirewallLog is which requests the firewall writes to its log. Default: apiservice.FirewallLogRefused.
	FirewallLog apiservice.FirewallLog

	// Vpc hosts the API. Default: a new one, for which VpcCidr, Zones and NatGateways hold; see
	// apiservice.ApiServiceProps.
	Vpc                awsec2.IVpc
	VpcCidr            string
	Zones, NatGateways int

	// TasksMin and TasksMax bound the API's autoscaling, in Fargate tasks. Defaults: 3 and 60.
	TasksMin, TasksMax int
	// TaskCpu (CPU units), TaskMemoryMiB, SpotPercent, CpuTargetPercent and RequestsPerTask are those of
	// apiservice.ApiServiceProps.
	TaskCpu, TaskMemoryMiB, SpotPercent, CpuTargetPercent, RequestsPerTask int

	// Deployment is how a new version of the API takes over: see apiservice.ApiServiceProps. Default:
	// apiservice.Canary; with Disposable apiservice.Rolling.
	Deployment apiservice.Deployment

	// SmokeTestCredentials, with Settings, are those of a machine client with all scopes, such as
	// identity.ImportSmokeTest returns: see apiservice.ApiServiceProps. Default: those of the new user pool; with
	// Settings none, and no smoke test.
	SmokeTestCredentials awssecretsmanager.ISecret
	// SmokeTestName is the name of the function that tries the API. Default: CloudFormation makes it up.
	SmokeTestName string

	// CsvConcurrency is how many ranges of CSV files are worked on at once, at least 2. Default: that of package
	// processing.
	CsvConcurrency int
	// StreamLanes is how many batches of one shard of the stream are worked on at once, 1 to 10. More lanes cost
	// recounts, never exactness. Default: 1.
	StreamLanes int
	// AggregationWindow is how long the aggregator waits for more records of a shard, in whole seconds up to 2 s: what an
	// equipment sends meanwhile costs one write. Default: 1s; processing.NoAggregationWindow does not wait.
	AggregationWindow time.Duration

	// Adopted are regions that have left for good and whose aggregates this one keeps; no other region may adopt the
	// same. Default: none.
	Adopted []string

	// MachineClients are the app clients of programs. Default: one, named identity.DefaultMachineClient. Not with
	// Settings.
	MachineClients []identity.MachineClient
	// Mfa is whether people may use a second factor. Default: identity.MfaOff. Not with Settings.
	Mfa identity.Mfa

	// AlarmEmails receive the alarms; each address confirms once. Default: nobody; the topic is made nevertheless.
	AlarmEmails []string
	// Alarms switch the alarms off, change them or send them elsewhere, one by one. Default: as each field of
	// operations.Alarms says.
	Alarms operations.Alarms

	// IndexShards and FleetBuckets spread the aggregates over partitions; both may be raised and never lowered.
	// Defaults: contract.IndexShardsDefault, contract.FleetBucketsDefault.
	IndexShards, FleetBuckets int

	// LogRetention is how long logs are kept. Default: apiservice.LogRetentionDefault.
	LogRetention awslogs.RetentionDays
	// Architecture is what Lambdas and image are built for. Default: ARM64.
	Architecture goasset.Architecture
	// ApiImage and the codes of the functions were built elsewhere from runtime/cmd/api, aggregator, csvprocessor,
	// repairer, auditor and smoketest. Default: built from this module's sources.
	ApiImage         awsecs.ContainerImage
	AggregatorCode   awslambda.Code
	CsvProcessorCode awslambda.Code
	RepairerCode     awslambda.Code
	AuditorCode      awslambda.Code
	SmokeTestCode    awslambda.Code

	// Key encrypts everything. Default: a new one.
	Key awskms.IKey
	// Tables are existing global tables, from storage.ImportGlobalTables. Default: new ones, of this region alone.
	Tables *storage.GlobalTables
	// UploadsBucket is an existing bucket of the stack's own region and account, below two prefixes of which files and
	// lists of rejects go. See storage.UploadsProps for what must be true of it and of Key. Default: a new bucket.
	UploadsBucket awss3.IBucket
	// UserPool is an existing user pool of the stack's own account and region, in which clients, scopes and the group of
	// admins are made. See identity.IdentityProps for what must be true of it. Not with Settings and Mfa. Default: a new
	// pool.
	UserPool awscognito.IUserPool
	// UserPoolDomain is the address that UserPool has already. Default: a new one.
	UserPoolDomain awscognito.IUserPoolDomain
	// UserPoolIssuer is the issuer of UserPool's tokens. Default: the original one of Cognito.
	UserPoolIssuer string
	// Settings tell of the user pool of another SensorFlow, from identity.ImportSettings. Default: there are new ones.
	Settings awssecretsmanager.ISecret
	// SettingsRevision is any text that changes with what Settings hold; with another one the next deployment replaces
	// the tasks, which read them when they start. Only with Settings. Default: none.
	SettingsRevision string
	// UserPoolRegion is the region whose Cognito signs people in, with Settings. Default: this one.
	UserPoolRegion string

	// Leaving takes the load balancer's protection against deletion away, so that the stack can be destroyed; data and
	// logs stay. Default: it is protected.
	Leaving bool
	// Disposable lets everything, the data included, be destroyed with the stack. For test environments. Default:
	// false.
	Disposable bool
}
