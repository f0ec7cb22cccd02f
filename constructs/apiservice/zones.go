package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// suitableZones names zones where both Fargate on ARM64 and CloudFront's VPC origins work, for the regions where one of
// them lacks a zone (November 2026):
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html,
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html.
//
// They are ids, since the name us-east-1a means another zone in another account.
func suitableZones(region string) []string {
	return map[string][]string{
		"us-east-1":      {"use1-az1", "use1-az2", "use1-az4"},    // not use1-az3
		"us-west-1":      {"usw1-az1", "usw1-az3"},                // not usw1-az2; accounts have two zones there
		"ca-central-1":   {"cac1-az1", "cac1-az2", "cac1-az4"},    // not cac1-az3
		"ap-northeast-1": {"apne1-az1", "apne1-az2", "apne1-az4"}, // not apne1-az3
		"ap-northeast-2": {"apne2-az2", "apne2-az3", "apne2-az4"}, // not apne2-az1
	}[region]
}

// place puts the subnet into the zone of that number and returns the zone's name, which may be known at deployment
// only.
func place(subnet awsec2.Subnet, number int) *string {
	resource := subnet.Node().DefaultChild().(awsec2.CfnSubnet)
	ids := suitableZones(*awscdk.Stack_Of(subnet).Region())
	if ids == nil {
		return subnet.AvailabilityZone()
	}
	resource.AddPropertyDeletionOverride(jsii.String("AvailabilityZone"))
	resource.SetAvailabilityZoneId(&ids[number])
	return resource.AttrAvailabilityZone()
}

// warnOfZones tells the user of a stack without a region that its zones cannot be chosen.
func warnOfZones(scope constructs.Construct) {
	if *awscdk.Token_IsUnresolved(*awscdk.Stack_Of(scope).Region()) {
		awscdk.Annotations_Of(scope).AddWarningV2(jsii.String("sensorflow:zones"), jsii.String(
			"The stack has no region, so that its network is in the first zones of the account wherever it is "+
				"deployed. Fargate and CloudFront's VPC origins lack a zone in us-east-1, us-west-1, ca-central-1, "+
				"ap-northeast-1 and ap-northeast-2: set the stack's env for these"), nil)
	}
}
