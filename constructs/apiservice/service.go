package apiservice

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapplicationautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	capacityFargate = "FARGATE"
	capacitySpot    = "FARGATE_SPOT"
	// stopSeconds exceeds the API's drain timeout.
	stopSeconds = 30
	command     = "api"
)

// settings lists the environment keys that come from the fields of the settings secret.
func settings() []string {
	return []string{
		contract.EnvUserPoolID, contract.EnvUserPoolIssuer, contract.EnvUserPoolClientID, contract.EnvUserPoolClientSecret,
		contract.EnvMachineClientIDs, contract.EnvTokenURL,
	}
}

func (a *ApiService) addService(p ApiServiceProps, group awsec2.SecurityGroup, network constructs.IDependable) {
	a.Cluster = awsecs.NewCluster(a, jsii.String("Cluster"), &awsecs.ClusterProps{
		Vpc: a.Vpc, EnableFargateCapacityProviders: jsii.Bool(true), ContainerInsightsV2: awsecs.ContainerInsights_ENABLED,
	})
	task := a.addTask(p)
	a.Service = awsecs.NewFargateService(a, jsii.String("Service"), &awsecs.FargateServiceProps{
		Cluster: a.Cluster, TaskDefinition: task, SecurityGroups: &[]awsec2.ISecurityGroup{group},
		DesiredCount:               jsii.Number(p.TasksMin),
		CapacityProviderStrategies: strategies(p),
		VpcSubnets:                 &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
		AssignPublicIp:             jsii.Bool(false),
		CircuitBreaker:             &awsecs.DeploymentCircuitBreaker{Enable: jsii.Bool(true), Rollback: jsii.Bool(true)},
		MinHealthyPercent:          jsii.Number(100), MaxHealthyPercent: jsii.Number(200),
		HealthCheckGracePeriod:      awscdk.Duration_Seconds(jsii.Number(30)),
		AvailabilityZoneRebalancing: awsecs.AvailabilityZoneRebalancing_ENABLED,
		EnableECSManagedTags:        jsii.Bool(true), PropagateTags: awsecs.PropagatedTagSource_SERVICE,
	})
	a.Service.AttachToApplicationTargetGroup(a.TargetGroup)
	if network != nil {
		a.Service.Node().AddDependency(network) // routes and endpoints first: tasks that cannot reach the registry fail to start
	}
	scaling := a.Service.AutoScaleTaskCount(&awsapplicationautoscaling.EnableScalingProps{
		MinCapacity: jsii.Number(p.TasksMin), MaxCapacity: jsii.Number(p.TasksMax),
	})
	scaling.ScaleOnCpuUtilization(jsii.String("Cpu"), &awsecs.CpuUtilizationScalingProps{
		TargetUtilizationPercent: jsii.Number(p.CpuTargetPercent),
		ScaleOutCooldown:         awscdk.Duration_Seconds(jsii.Number(30)), ScaleInCooldown: awscdk.Duration_Minutes(jsii.Number(5)),
	})
	scaling.ScaleOnRequestCount(jsii.String("Requests"), &awsecs.RequestCountScalingProps{
		RequestsPerTarget: jsii.Number(p.RequestsPerTask), TargetGroup: a.TargetGroup,
		ScaleOutCooldown: awscdk.Duration_Seconds(jsii.Number(30)), ScaleInCooldown: awscdk.Duration_Minutes(jsii.Number(5)),
	})
}

// strategies keeps the least number of tasks off Spot, so that taking Spot capacity away never takes the service away.
func strategies(p ApiServiceProps) *[]*awsecs.CapacityProviderStrategy {
	all := []*awsecs.CapacityProviderStrategy{{
		CapacityProvider: jsii.String(capacityFargate), Base: jsii.Number(p.TasksMin), Weight: jsii.Number(100 - p.SpotPercent),
	}}
	if p.SpotPercent > 0 {
		all = append(all, &awsecs.CapacityProviderStrategy{CapacityProvider: jsii.String(capacitySpot), Weight: jsii.Number(p.SpotPercent)})
	}
	return &all
}

func (a *ApiService) addTask(p ApiServiceProps) awsecs.FargateTaskDefinition {
	architecture := awsecs.CpuArchitecture_ARM64()
	if p.Architecture == goasset.AMD64 {
		architecture = awsecs.CpuArchitecture_X86_64()
	}
	task := awsecs.NewFargateTaskDefinition(a, jsii.String("Task"), &awsecs.FargateTaskDefinitionProps{
		Cpu: jsii.Number(p.TaskCpu), MemoryLimitMiB: jsii.Number(p.TaskMemoryMiB),
		RuntimePlatform: &awsecs.RuntimePlatform{CpuArchitecture: architecture, OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX()},
	})
	image := p.Image
	if image == nil {
		image = goasset.ContainerImage(command, p.Architecture)
	}
	logs := awslogs.NewLogGroup(a, jsii.String("Logs"), &awslogs.LogGroupProps{
		EncryptionKey: p.Key, Retention: p.LogRetention, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	secrets := map[string]awsecs.Secret{}
	for _, key := range settings() {
		secrets[key] = awsecs.Secret_FromSecretsManager(p.Settings, &key)
	}
	task.AddContainer(jsii.String("Api"), &awsecs.ContainerDefinitionOptions{
		Image: image, Environment: a.environment(p), Secrets: &secrets,
		ReadonlyRootFilesystem: jsii.Bool(true), User: jsii.String("65532:65532"), Essential: jsii.Bool(true),
		PortMappings: &[]*awsecs.PortMapping{{ContainerPort: jsii.Number(containerPort)}},
		StopTimeout:  awscdk.Duration_Seconds(jsii.Number(stopSeconds)),
		HealthCheck: &awsecs.HealthCheck{
			Command:  &[]*string{jsii.String("CMD"), jsii.String("/" + command), jsii.String("healthcheck")},
			Interval: awscdk.Duration_Seconds(jsii.Number(10)), Timeout: awscdk.Duration_Seconds(jsii.Number(5)), Retries: jsii.Number(3),
			StartPeriod: awscdk.Duration_Seconds(jsii.Number(10)),
		},
		Logging: awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{
			LogGroup: logs, StreamPrefix: jsii.String(command),
			// A slow log service must not hold requests up.
			Mode: awsecs.AwsLogDriverMode_NON_BLOCKING, MaxBufferSize: awscdk.Size_Mebibytes(jsii.Number(4)),
		}),
	})
	a.grantTask(p, task.TaskRole())
	return task
}

func (a *ApiService) environment(p ApiServiceProps) *map[string]*string {
	proxies := 1
	if a.Distribution != nil {
		proxies = 2
	}
	all := map[string]*string{
		contract.EnvReadingsTable: p.Tables.Readings.TableName(), contract.EnvAggregatesTable: p.Tables.Aggregates.TableName(),
		contract.EnvRevocationsTable: p.Tables.Revocations.TableName(), contract.EnvUploadsTable: p.Uploads.Table.TableName(),
		contract.EnvUploadsBucket: p.Uploads.Bucket.BucketName(),
		contract.EnvIndexShards:   jsii.String(strconv.Itoa(p.IndexShards)), contract.EnvFleetBuckets: jsii.String(strconv.Itoa(p.FleetBuckets)),
		contract.EnvListenAddress: jsii.String(":" + strconv.Itoa(containerPort)), contract.EnvPublicURL: a.Url,
		contract.EnvTrustedProxies: jsii.String(strconv.Itoa(proxies)),
		contract.EnvDrainTimeout:   jsii.String(contract.DrainTimeoutDefault.String()),
	}
	if p.Retention > 0 {
		all[contract.EnvRetention] = jsii.String(p.Retention.String())
	}
	if len(p.AllowedOrigins) > 0 {
		all[contract.EnvAllowedOrigins] = jsii.String(strings.Join(p.AllowedOrigins, ","))
	}
	if p.UserPoolRegion != "" {
		all[contract.EnvUserPoolRegion] = &p.UserPoolRegion
	}
	return &all
}

// grantTask lets the API do what it does and nothing else. Signing in needs no permission: the pool's client proves itself by its
// secret.
func (a *ApiService) grantTask(p ApiServiceProps, role awsiam.IRole) {
	allow := func(resources []*string, actions ...string) {
		role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings(actions...), Resources: &resources,
		}))
	}
	index := func(arn *string, name string) *string {
		return awscdk.Fn_Join(jsii.String(""), &[]*string{arn, jsii.String("/index/" + name)})
	}
	readings, aggregates := p.Tables.Readings.TableArn(), p.Tables.Aggregates.TableArn()
	revocations, uploads := p.Tables.Revocations.TableArn(), p.Uploads.Table.TableArn()
	allow([]*string{readings, aggregates, revocations, uploads}, "dynamodb:DescribeTable") // readiness
	allow([]*string{readings}, "dynamodb:BatchWriteItem", "dynamodb:Query")
	allow([]*string{aggregates, index(aggregates, contract.IndexByInterval)}, "dynamodb:Query")
	allow([]*string{revocations}, "dynamodb:PutItem", "dynamodb:GetItem")
	allow([]*string{uploads}, "dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:UpdateItem")
	allow([]*string{index(uploads, contract.IndexByCreation)}, "dynamodb:Query")
	allow([]*string{p.Uploads.Bucket.BucketArn()}, "s3:ListBucket") // HeadBucket, for readiness
	allow([]*string{p.Uploads.Bucket.ArnForObjects(jsii.String(contract.UploadKeyPrefix + "*"))}, "s3:PutObject", "s3:AbortMultipartUpload")
	allow([]*string{p.Uploads.Bucket.ArnForObjects(jsii.String(contract.RejectsKeyPrefix + "*"))}, "s3:GetObject")
	p.Key.Grant(role, jsii.String("kms:Decrypt"), jsii.String("kms:GenerateDataKey"), jsii.String("kms:DescribeKey"))
}
