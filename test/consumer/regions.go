package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/sensorflow"
)

// regions is the service in two regions, inside a Stage as delivery pipelines use it.
func regions(scope constructs.Construct) {
	stage := awscdk.NewStage(scope, jsii.String("Prod"), nil)
	sensorflow.NewMultiRegion(stage, "SensorFlow", &sensorflow.MultiRegionProps{
		Account:  account,
		Regions:  []string{"eu-west-1", "eu-central-1"},
		Name:     "Coldchain-prod",
		VpcCidrs: map[string]string{"eu-central-1": "10.65.0.0/16"},
		Domain: &sensorflow.ZoneDomain{
			Name: "api.example.com", HostedZoneId: "Z0123456789ABCDEFGHIJ", HostedZoneName: "example.com",
		},
		TokenHealthCheckId: "12345678-90ab-cdef-1234-567890abcdef",
		Flow: sensorflow.SensorFlowProps{
			Retention:   365 * 24 * time.Hour,
			AlarmEmails: []string{"on-call@example.com"},
		},
		ForRegion: func(_ awscdk.Stack, region string, flow *sensorflow.SensorFlowProps) {
			if region == "eu-west-1" { // where most of the fleet is
				flow.TasksMin = 6
			}
		},
		OneByOne: true,
	})
}

// leaving is a deployment whose second region is about to be removed, after another one that has left.
func leaving(scope constructs.Construct) {
	stage := awscdk.NewStage(scope, jsii.String("Staging"), nil)
	sensorflow.NewMultiRegion(stage, "Coldchain-staging", &sensorflow.MultiRegionProps{
		Account: account,
		Regions: []string{"eu-west-1", "eu-north-1"},
		Leaving: []string{"eu-north-1"},
		Adopted: []string{"eu-central-1"},
	})
}
