package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/infra/config"
)

// EnvironmentName is what the names of an environment's stacks begin with, such as SensorFlow-dev.
func EnvironmentName(e config.Environment) string { return config.StackPrefix + e.Name }

// Props are what an environment gives the construct.
func Props(e config.Environment) *sensorflow.MultiRegionProps {
	p := &sensorflow.MultiRegionProps{
		Account: e.Account, Regions: e.Regions, Leaving: e.Leaving, Adopted: e.Adopted, VpcCidrs: e.VPCCidrs,
		Flow: sensorflow.SensorFlowProps{
			Retention: e.Retention(), AllowedOrigins: e.AllowedOrigins, RequestLimit: e.RequestLimit,
			Zones: e.Zones, NatGateways: e.NatGateways,
			TasksMin:       e.TasksMin,
			TasksMax:       e.TasksMax,
			TaskCpu:        e.TaskCPU,
			TaskMemoryMiB:  e.TaskMemory,
			SpotPercent:    e.SpotPercent,
			Deployment:     apiservice.Deployment(e.Deployment),
			CsvConcurrency: e.CSVConcurrency,
			FirewallLog:    apiservice.FirewallLog(e.FirewallLog),
			AlarmEmails:    e.AlarmEmails,
			IndexShards:    e.IndexShards,
			FleetBuckets:   e.FleetBuckets,
			LogRetention:   retentionDays(e.LogRetentionDays), Disposable: e.Disposable,
		},
	}
	if p.Flow.AggregationWindow = e.AggregationWindow(); p.Flow.AggregationWindow == 0 {
		p.Flow.AggregationWindow = processing.NoAggregationWindow
	}
	for _, m := range e.MachineClients {
		p.Flow.MachineClients = append(p.Flow.MachineClients, identity.MachineClient{Name: m.Name, Scopes: m.Scopes})
	}
	if d := e.Domain; d != nil {
		p.Domain = &sensorflow.ZoneDomain{Name: d.Name, HostedZoneId: d.HostedZoneID, HostedZoneName: d.HostedZoneName}
	}
	return p
}

// Environment is a deployment, with the outputs that tell people and programs where it is.
type Environment struct {
	*sensorflow.MultiRegion

	// RegionUrls are the outputs that hold each region's own address, by region.
	RegionUrls map[string]awscdk.CfnOutput
}

// NewEnvironment adds the stacks of an environment to scope. With oneByOne, regions are deployed one after the other.
func NewEnvironment(scope constructs.Construct, e config.Environment, oneByOne bool) *Environment {
	p := Props(e)
	p.OneByOne = oneByOne
	m := sensorflow.NewMultiRegion(scope, EnvironmentName(e), p)
	for _, stack := range m.All() {
		awscdk.Tags_Of(stack).Add(jsii.String("application"), jsii.String("SensorFlow"), nil)
		awscdk.Tags_Of(stack).Add(jsii.String("environment"), jsii.String(e.Name), nil)
	}
	deployed := &Environment{MultiRegion: m, RegionUrls: map[string]awscdk.CfnOutput{}}
	output(m.State, "UserPoolId", m.Identity.UserPool.UserPoolId(), "The user pool: people are added here")
	output(m.State, "TokenUrl", m.Identity.TokenURL, "Where machines get their tokens")
	for _, region := range e.Regions {
		api := m.Flows[region].Api
		output(m.Stacks[region], "ApiUrl", api.Url, "The API")
		deployed.RegionUrls[region] = output(m.Stacks[region], "RegionUrl", api.RegionUrl,
			"The API of this region, whatever Route 53 thinks of its health")
	}
	return deployed
}

func output(stack awscdk.Stack, id string, value *string, description string) awscdk.CfnOutput {
	return awscdk.NewCfnOutput(stack, &id, &awscdk.CfnOutputProps{Value: value, Description: &description})
}

// retentionDays returns the CDK's name of a number of days that config has checked.
func retentionDays(days int) awslogs.RetentionDays {
	return map[int]awslogs.RetentionDays{
		1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
		7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
		60:   awslogs.RetentionDays_TWO_MONTHS,
		90:   awslogs.RetentionDays_THREE_MONTHS,
		120:  awslogs.RetentionDays_FOUR_MONTHS,
		150:  awslogs.RetentionDays_FIVE_MONTHS,
		180:  awslogs.RetentionDays_SIX_MONTHS,
		365:  awslogs.RetentionDays_ONE_YEAR,
		400:  awslogs.RetentionDays_THIRTEEN_MONTHS,
		545:  awslogs.RetentionDays_EIGHTEEN_MONTHS,
		731:  awslogs.RetentionDays_TWO_YEARS,
		1096: awslogs.RetentionDays_THREE_YEARS,
		1827: awslogs.RetentionDays_FIVE_YEARS,
		3653: awslogs.RetentionDays_TEN_YEARS,
	}[days]
}
