package sensorflow

import (
	"errors"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/constructs/operations"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// SensorFlow is the service in one region.
type SensorFlow struct {
	constructs.Construct

	// Key encrypts everything, new or passed in.
	Key awskms.IKey
	// Tables are the global tables, new or passed in.
	Tables *storage.GlobalTables
	// Uploads are this region's bucket and table of CSV files.
	Uploads *storage.Uploads
	// Identity is the user pool; nil where Settings were passed in.
	Identity *identity.Identity
	// Settings tell of the user pool, new or passed in.
	Settings awssecretsmanager.ISecret
	// Processing are the functions behind queue and stream.
	Processing *processing.Processing
	// Api is the HTTP API.
	Api *apiservice.ApiService
	// Operations are alarms and dashboard.
	Operations *operations.Operations
}

// NewSensorFlow adds the whole service to scope, for the region of its stack. It panics when the props are wrong.
func NewSensorFlow(scope constructs.Construct, id string, props *SensorFlowProps) *SensorFlow {
	stack := refuse.OutsideStack(scope, id)
	p := prop.OrZero(props)
	region := *stack.Region()
	own := rule.All(rule.Adopted("Adopted[*]", p.Adopted, region),
		rule.Of(p.identity(&SensorFlow{}).ValidateRegion(region)),
		storage.BucketFaults("UploadsBucket", p.UploadsBucket, stack))
	refuse.If(scope, id, rule.All(rule.Of(p.Validate()), own).Err())
	f := &SensorFlow{Key: p.Key, Tables: p.Tables, Settings: p.Settings}
	constructs.NewConstruct_Override(f, scope, &id)
	if f.Key == nil {
		f.Key = storage.NewKey(f, "Key", &storage.KeyProps{
			BucketEvents: p.UploadsBucket != nil, Disposable: p.Disposable,
		}).Key
	}
	if f.Tables == nil {
		f.Tables = storage.NewGlobalTables(f, "Tables",
			&storage.GlobalTablesProps{Key: f.Key, Disposable: p.Disposable})
	}
	if f.Settings == nil {
		f.Identity = identity.NewIdentity(f, "Identity", p.identity(f))
		f.Settings, p.SettingsRevision = f.Identity.Settings, f.Identity.SettingsRevision
	}
	f.Uploads = storage.NewUploads(f, "Uploads", p.uploads(f))
	f.Processing = processing.NewProcessing(f, "Processing", p.processing(f))
	f.Api = apiservice.NewApiService(f, "Api", p.api(f))
	f.Uploads.AllowOrigins(*f.Api.Url) // the console sends files from there
	if f.Api.SmokeTest != nil {
		// New tasks are tried together with the functions that are deployed with them.
		f.Api.Service.Node().AddDependency(f.Processing.Aggregator, f.Processing.AggregatorSource)
	}
	f.Operations = operations.NewOperations(f, "Operations", &operations.OperationsProps{
		Api: f.Api, Processing: f.Processing, Tables: f.Tables, Key: f.Key, AlarmEmails: p.AlarmEmails,
		Alarms: p.Alarms,
	})
	return f
}

func (p SensorFlowProps) identity(f *SensorFlow) *identity.IdentityProps {
	return &identity.IdentityProps{
		Key: f.Key, MachineClients: p.MachineClients, Mfa: p.Mfa, Disposable: p.Disposable,
		UserPool: p.UserPool, UserPoolDomain: p.UserPoolDomain, UserPoolIssuer: p.UserPoolIssuer,
	}
}

func (p SensorFlowProps) uploads(f *SensorFlow) *storage.UploadsProps {
	props := &storage.UploadsProps{Key: f.Key, Bucket: p.UploadsBucket, Disposable: p.Disposable}
	if p.UploadsBucket == nil { // the API's own answers need them besides
		props.AllowedOrigins = p.AllowedOrigins
	}
	return props
}

func (p SensorFlowProps) processing(f *SensorFlow) *processing.ProcessingProps {
	return &processing.ProcessingProps{
		Tables: f.Tables, Uploads: f.Uploads, Key: f.Key, Retention: p.Retention,
		IndexShards:       p.IndexShards,
		FleetBuckets:      p.FleetBuckets,
		CsvConcurrency:    p.CsvConcurrency,
		StreamLanes:       p.StreamLanes,
		AggregationWindow: p.AggregationWindow,
		Adopted:           p.Adopted,
		LogRetention:      p.LogRetention,
		Architecture:      p.Architecture,
		AggregatorCode:    p.AggregatorCode,
		CsvProcessorCode:  p.CsvProcessorCode,
		RepairerCode:      p.RepairerCode,
		AuditorCode:       p.AuditorCode,
		Disposable:        p.Disposable,
	}
}

func (p SensorFlowProps) api(f *SensorFlow) *apiservice.ApiServiceProps {
	return &apiservice.ApiServiceProps{
		Tables: f.Tables, Uploads: f.Uploads, Settings: f.Settings, SettingsRevision: p.SettingsRevision, Key: f.Key,
		Domain: p.Domain, AllowedOrigins: p.AllowedOrigins, Retention: p.Retention, UserPoolRegion: p.UserPoolRegion,
		IndexShards: p.IndexShards, FleetBuckets: p.FleetBuckets,
		Vpc: p.Vpc, VpcCidr: p.VpcCidr, Zones: p.Zones, NatGateways: p.NatGateways,
		TasksMin:      p.TasksMin,
		TasksMax:      p.TasksMax,
		TaskCpu:       p.TaskCpu,
		TaskMemoryMiB: p.TaskMemoryMiB,
		SpotPercent:   p.SpotPercent,
		Deployment:    p.Deployment,

		SmokeTestCredentials: p.smokeTestCredentials(f),
		SmokeTestName:        p.SmokeTestName,
		SmokeTestCode:        p.SmokeTestCode,

		CpuTargetPercent: p.CpuTargetPercent, RequestsPerTask: p.RequestsPerTask,
		Architecture: p.Architecture,
		Image:        p.ApiImage,
		RequestLimit: p.RequestLimit,
		FirewallLog:  p.FirewallLog,
		LogRetention: p.LogRetention,
		Leaving:      p.Leaving,
		Disposable:   p.Disposable,
	}
}

// smokeTestCredentials are those that were given, or those of the new user pool.
func (p SensorFlowProps) smokeTestCredentials(f *SensorFlow) awssecretsmanager.ISecret {
	if p.SmokeTestCredentials == nil && f.Identity != nil {
		return f.Identity.SmokeTest
	}
	return p.SmokeTestCredentials
}

// GrantReadTables lets a program of the user's own, such as a report, read readings and aggregates in the tables
// themselves.
func (f *SensorFlow) GrantReadTables(grantee awsiam.IGrantable) awsiam.Grant {
	return f.Tables.GrantReadReadings(grantee).Combine(f.Tables.GrantReadAggregates(grantee))
}

// GrantMachineCredentials lets a program read the credentials of one of MachineClients, with which it gets tokens and
// calls the API. Programs send readings through the API and not to the tables, since only the API checks them. It
// panics where Settings were passed in: then the credentials are granted where the user pool is.
func (f *SensorFlow) GrantMachineCredentials(machine string, grantee awsiam.IGrantable) awsiam.Grant {
	if f.Identity == nil {
		refuse.By(f, errors.New("the user pool is another construct's, which grants its machines' credentials"))
	}
	return f.Identity.GrantMachineCredentials(machine, grantee)
}

// MetricRequests counts the requests that reached the API.
func (f *SensorFlow) MetricRequests(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return f.Api.MetricRequests(o)
}

// MetricLatency is how long the API took to answer, in seconds, by default the 99th percentile.
func (f *SensorFlow) MetricLatency(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return f.Api.MetricLatency(o)
}

// MetricAggregationLag is how old the readings are that the aggregates take in, in milliseconds.
func (f *SensorFlow) MetricAggregationLag(o *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return f.Processing.MetricAggregationLag(o)
}
