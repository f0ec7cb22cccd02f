package synth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/config"
)

// haveTheNamesThatAreTold holds config's lists of stacks and of physical names, by which a deployer is told beforehand what is in the
// way of a deployment, to what is synthesized.
func haveTheNamesThatAreTold(t *testing.T, all []stack, c config.Config) {
	var got, want []string
	for _, s := range all {
		if s.Stage != "" || s.isPipeline() {
			continue
		}
		got = append(got, s.Region+" "+s.Name)
		for kind, property := range map[string]string{
			config.NameOfTable: "TableName", config.NameOfAlias: "AliasName", config.NameOfSecret: "Name", config.NameOfLogGroup: "LogGroupName",
			// Kinds whose names are fixed nowhere, and must be told where one ever is.
			"AWS::S3::Bucket": "BucketName", "AWS::SQS::Queue": "QueueName", "AWS::SNS::Topic": "TopicName", "AWS::IAM::Role": "RoleName",
			"AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::Lambda::Function": "FunctionName", "AWS::ECS::Cluster": "ClusterName",
			"AWS::ECS::Service": "ServiceName", "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
			"AWS::ElasticLoadBalancingV2::TargetGroup": "Name", "AWS::WAFv2::WebACL": "Name", "AWS::CloudWatch::Alarm": "AlarmName",
			"AWS::CloudWatch::Dashboard": "DashboardName", "AWS::Events::Rule": "Name", "AWS::Cognito::UserPool": "UserPoolName",
		} {
			for _, r := range s.Template.All(kind) {
				properties, _ := r.Body["Properties"].(map[string]any)
				name, isFixed := properties[property].(string)
				if !isFixed {
					continue
				}
				at := []string{s.Region}
				if kind == config.NameOfTable { // with replicas
					at = nil
					for _, replica := range properties["Replicas"].([]any) {
						at = append(at, replica.(map[string]any)["Region"].(string))
					}
				}
				for _, region := range at {
					got = append(got, fmt.Sprintf("%s %s %s %s", region, s.Name, kind, name))
				}
			}
		}
	}
	for _, e := range c.Environments {
		for _, s := range e.Stacks() {
			want = append(want, s.Region+" "+s.Name)
		}
		for _, n := range e.Names() {
			line := fmt.Sprintf("%s %s %s %s", n.Region, n.Stack, n.Kind, n.Name)
			if at := slices.IndexFunc(got, func(g string) bool { return strings.HasPrefix(g, line) }); n.Prefix && at >= 0 {
				got[at] = line
			}
			want = append(want, line)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("synthesized\n%s\n\ntold\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
