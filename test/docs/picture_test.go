package docs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/constructs/processing"
)

// drawn are the words of the picture of one region, by the types of resources that they stand for.
func drawn() map[string]string {
	return map[string]string{
		"CloudFront::Distribution": "CloudFront", "Route53::RecordSet": "Route 53", "CertificateManager::Certificate": "certificate",
		"EC2::VPC": "VPC", "EC2::NatGateway": "NAT", "EC2::VPCEndpoint": "gateway endpoints",
		"ElasticLoadBalancingV2::LoadBalancer": "load balancer", "WAFv2::WebACL": "firewall (WAF)",
		"ECS::Service": "Fargate tasks", "ApplicationAutoScaling::ScalableTarget": "autoscaled",
		"Cognito::UserPool": "Cognito user pool", "SecretsManager::Secret": "Secrets Manager",
		"DynamoDB::GlobalTable": "tables: readings", "S3::Bucket": "bucket of uploads", "SQS::Queue": "queue", "Lambda::Function": "function aggregator",
		"Lambda::EventSourceMapping": "stream of the readings", "Events::Rule": "schedule", "Logs::MetricFilter": "a metric of its log", "CloudWatch::Alarm": "alarms", "SNS::Topic": "topic",
	}
}

// undrawn are types that the picture leaves out: what belongs to something that is drawn, and what no data goes through.
func undrawn() []string {
	return []string{
		"ApplicationAutoScaling::ScalingPolicy", "CloudFront::Function", "CloudFront::VpcOrigin", "CloudWatch::Dashboard",
		"Cognito::UserPoolClient", "Cognito::UserPoolDomain", "Cognito::UserPoolRegionalConfigurationAttachment", "Cognito::UserPoolReplica",
		"Cognito::UserPoolGroup", "Cognito::UserPoolResourceServer", "Custom::SensorFlowLookup", "Custom::SensorFlowProtection", "Custom::SensorFlowServiceRole",
		"EC2::EIP", "EC2::FlowLog", "EC2::InternetGateway", "EC2::Route",
		"EC2::RouteTable", "EC2::SecurityGroup", "EC2::SecurityGroupEgress", "EC2::SecurityGroupIngress", "EC2::Subnet",
		"EC2::SubnetRouteTableAssociation", "EC2::VPCGatewayAttachment", "ECS::Cluster", "ECS::ClusterCapacityProviderAssociations",
		"ECS::TaskDefinition", "ElasticLoadBalancingV2::Listener", "ElasticLoadBalancingV2::ListenerRule", "ElasticLoadBalancingV2::TargetGroup", "IAM::ManagedPolicy", "IAM::Policy",
		"IAM::Role", "KMS::Alias", "KMS::Key", "KMS::ReplicaKey", "Logs::LogGroup", "Lambda::EventInvokeConfig", "Lambda::Permission", "Lambda::Version", "Route53::HealthCheck", "S3::BucketPolicy", "SNS::TopicPolicy",
		"SQS::QueuePolicy", "WAFv2::LoggingConfiguration", "WAFv2::WebACLAssociation",
	}
}

// picture is the first drawing below a heading.
func picture(t *testing.T, page, heading string) string {
	t.Helper()
	_, below, found := strings.Cut(readPage(t, page), "\n"+heading+"\n")
	parts := strings.SplitN(below, "```", 3)
	if !found || len(parts) < 3 {
		t.Fatalf("%s has no drawing below %q", page, heading)
	}
	return parts[1]
}

func TestArchitecture_DrawsWhatIsThere(t *testing.T) {
	resources, _ := synthesize(t)
	text := picture(t, "ARCHITECTURE.md", "## One region")
	there := map[string]int{}
	for _, r := range resources {
		there[strings.TrimPrefix(r.kind, "AWS::")]++
	}
	for kind, word := range drawn() {
		if there[kind] == 0 || !strings.Contains(text, word) {
			t.Errorf("there are %d of %s, and the picture must say %q", there[kind], kind, word)
		}
	}
	for kind := range there {
		if drawn()[kind] == "" && !slices.Contains(undrawn(), kind) {
			t.Errorf("there is a %s, which the picture neither draws nor leaves out on purpose", kind)
		}
	}
	zones := 0
	for _, r := range resources {
		if r.stack() == stacks(deployment, regions())[len(regions())+1] && r.kind == "AWS::EC2::Subnet" {
			zones++
		}
	}
	const subnetsPerZone = 2 // one public, one private
	for _, word := range []string{fmt.Sprintf("%d zones", zones/subnetsPerZone), fmt.Sprintf("after %d receives", processing.CsvReceivesMax)} {
		if !strings.Contains(text, word) {
			t.Errorf("the picture must say %q", word)
		}
	}
}

func TestReadme_DrawsEachPart(t *testing.T) {
	text := picture(t, "README.md", "## What you get")
	for _, f := range readSource(t, "constructs/sensorflow").fields("SensorFlow") {
		for _, name := range f.names {
			if name != "Settings" && !strings.Contains(text, "─ "+name+" ") { // it is a part of Identity
				t.Errorf("the picture does not have %s", name)
			}
		}
	}
}
