package apiservice

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	command       = "api"
	containerName = "Api"
	containerPort = 8080
	// program is the place of the command in the image of goasset.ContainerImage. The command is also the health check,
	// since the image has no other program.
	program = "/app"
	// user is the user of the image. The task definition names it as well, so that it holds for any image.
	user = "65532:65532"
	// stopSeconds exceeds contract.DrainTimeoutMax.
	stopSeconds = 30

	capacityFargate = "FARGATE"
	capacitySpot    = "FARGATE_SPOT"
)

func (a *ApiService) addService(p ApiServiceProps, group awsec2.SecurityGroup, ways constructs.IDependable) {
	a.Cluster = awsecs.NewCluster(a, jsii.String("Cluster"), &awsecs.ClusterProps{
		Vpc: a.Vpc, EnableFargateCapacityProviders: jsii.Bool(true),
		// These are the metrics of a cluster and its services, a few dollars a month. The enhanced kind bills those of
		// every task.
		ContainerInsightsV2: awsecs.ContainerInsights_ENABLED,
	})
	// A new role takes its time until every part of AWS knows it. A load balancer takes minutes.
	a.Cluster.Node().AddDependency(a.addServiceRole(p), a.LoadBalancer)
	task := a.addTask(p)
	// The scaling decides how many tasks there are. A number here would be set again by every deployment, and would end
	// tasks that the load needs. A new service begins with one task and is scaled to TasksMin at once.
	service := &awsecs.FargateServiceProps{
		Cluster: a.Cluster, TaskDefinition: task, SecurityGroups: &[]awsec2.ISecurityGroup{group},
		CapacityProviderStrategies: strategies(p),
		VpcSubnets:                 &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
		AssignPublicIp:             jsii.Bool(false),
		// A deployment that cannot start tasks ends after a few of them and goes back, instead of trying for hours.
		CircuitBreaker:    &awsecs.DeploymentCircuitBreaker{Enable: jsii.Bool(true), Rollback: jsii.Bool(true)},
		MinHealthyPercent: jsii.Number(100), MaxHealthyPercent: jsii.Number(200),
		HealthCheckGracePeriod:      awscdk.Duration_Seconds(jsii.Number(60)),
		AvailabilityZoneRebalancing: awsecs.AvailabilityZoneRebalancing_ENABLED,
		EnableECSManagedTags:        jsii.Bool(true), PropagateTags: awsecs.PropagatedTagSource_SERVICE,
	}
	p.setStrategy(service)
	a.Service = awsecs.NewFargateService(a, jsii.String("Service"), service)
	a.attach(p)
	a.Service.Node().AddDependency(task.ExecutionRole()) // its policy too, or the first tasks fail to start
	if ways != nil {
		a.Service.Node().AddDependency(ways) // tasks that cannot reach the registry fail to start
	}
	a.addScaling(p)
}

// strategies keeps TasksMin tasks off Spot, so that the service goes on when AWS takes Spot capacity away. The weight
// is never 0: ECS would place no tasks by that capacity provider, not even those of its base.
func strategies(p ApiServiceProps) *[]*awsecs.CapacityProviderStrategy {
	all := []*awsecs.CapacityProviderStrategy{{
		CapacityProvider: jsii.String(capacityFargate), Base: jsii.Number(p.TasksMin),
		Weight: jsii.Number(max(1, contract.SpotPercentMax-p.SpotPercent)),
	}}
	if p.SpotPercent > 0 {
		all = append(all, &awsecs.CapacityProviderStrategy{
			CapacityProvider: jsii.String(capacitySpot), Weight: jsii.Number(p.SpotPercent),
		})
	}
	return &all
}

func (a *ApiService) addTask(p ApiServiceProps) awsecs.FargateTaskDefinition {
	execution := a.newExecutionRole()
	task := awsecs.NewFargateTaskDefinition(a, jsii.String("Task"), &awsecs.FargateTaskDefinitionProps{
		Cpu:            jsii.Number(p.TaskCpu),
		MemoryLimitMiB: jsii.Number(p.TaskMemoryMiB),
		TaskRole:       a.newTaskRole(p),
		ExecutionRole:  execution,
		RuntimePlatform: &awsecs.RuntimePlatform{
			CpuArchitecture: p.Architecture.Task(), OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX(),
		},
	})
	image := p.Image
	if image == nil {
		image = goasset.ContainerImage(command, p.Architecture)
	}
	a.Logs = awslogs.NewLogGroup(a, jsii.String("Logs"), &awslogs.LogGroupProps{
		EncryptionKey: p.Key, Retention: p.LogRetention, RemovalPolicy: removal.Policy(p.Disposable),
	})
	secrets := map[string]awsecs.Secret{}
	for _, key := range identity.SettingsFields() {
		secrets[key] = newSetting(p.Settings, key)
	}
	task.AddContainer(jsii.String(containerName), &awsecs.ContainerDefinitionOptions{
		Image: image, Environment: a.environment(p), Secrets: &secrets, DockerLabels: labels(p),
		ReadonlyRootFilesystem: jsii.Bool(true), User: jsii.String(user), Essential: jsii.Bool(true),
		PortMappings: &[]*awsecs.PortMapping{{ContainerPort: jsii.Number(containerPort)}},
		StopTimeout:  awscdk.Duration_Seconds(jsii.Number(stopSeconds)),
		HealthCheck: &awsecs.HealthCheck{
			Command:     jsii.Strings("CMD", program, "healthcheck"),
			Interval:    awscdk.Duration_Seconds(jsii.Number(10)),
			Timeout:     awscdk.Duration_Seconds(jsii.Number(5)),
			Retries:     jsii.Number(3),
			StartPeriod: awscdk.Duration_Seconds(jsii.Number(10)),
		},
		Logging: awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{
			LogGroup: a.Logs, StreamPrefix: jsii.String(command),
			// A slow log service must not hold requests up.
			Mode: awsecs.AwsLogDriverMode_NON_BLOCKING, MaxBufferSize: awscdk.Size_Mebibytes(jsii.Number(4)),
		}),
	})
	explainExecutionRole(execution)
	nag.Explain(task, "names of tables, addresses and numbers, nothing secret; what is secret comes from Secrets "+
		"Manager when the task starts", "AwsSolutions-ECS2")
	return task
}

// settingsLabel is the label of the container that holds the revision of the settings.
const settingsLabel = "sensorflow.settings"

// labels make another revision of the task definition where the settings change. A task reads the secret when it
// starts, and its name stays the same whatever is in it.
func labels(p ApiServiceProps) *map[string]*string {
	if p.SettingsRevision == "" {
		return nil
	}
	return &map[string]*string{settingsLabel: &p.SettingsRevision}
}

func (a *ApiService) environment(p ApiServiceProps) *map[string]*string {
	proxies := proxiesWithDomain
	if p.Domain == nil {
		proxies = proxiesWithCloudFront
	}
	all := map[string]*string{
		contract.EnvReadingsTable:    p.Tables.Readings.TableName(),
		contract.EnvAggregatesTable:  p.Tables.Aggregates.TableName(),
		contract.EnvRevocationsTable: p.Tables.Revocations.TableName(),
		contract.EnvUploadsTable:     p.Uploads.Table.TableName(),
		contract.EnvUploadsBucket:    p.Uploads.Bucket.BucketName(),
		contract.EnvIndexShards:      jsii.String(strconv.Itoa(p.IndexShards)),
		contract.EnvFleetBuckets:     jsii.String(strconv.Itoa(p.FleetBuckets)),
		contract.EnvListenAddress:    jsii.String(":" + strconv.Itoa(containerPort)), contract.EnvPublicURL: a.Url,
		contract.EnvTrustedProxies: jsii.String(strconv.Itoa(proxies)),
		contract.EnvDrainTimeout:   jsii.String(contract.DrainTimeoutDefault.String()),
		// A container may not see the task's control group.
		contract.EnvMemoryLimit: jsii.String(strconv.Itoa(p.TaskMemoryMiB)),
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
