package pricing_test

import (
	"encoding/json"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/sensorflow/sensorflow/infra/pricing"
)

type object = map[string]any

// service is a small service in a region, as templates describe it. Each resource may be replaced, or taken out by nil.
func service(changes object) object {
	resources := object{
		"Target": resource("AWS::ApplicationAutoScaling::ScalableTarget", object{"ServiceNamespace": "ecs", "MinCapacity": 3, "MaxCapacity": 60}),
		"Requests": resource("AWS::ApplicationAutoScaling::ScalingPolicy", object{
			"TargetTrackingScalingPolicyConfiguration": object{
				"TargetValue":                   30000,
				"PredefinedMetricSpecification": object{"PredefinedMetricType": "ALBRequestCountPerTarget"},
			},
		}),
		"Task":         task("512", "1024"),
		"Nat":          resource("AWS::EC2::NatGateway", nil),
		"Address":      resource("AWS::EC2::EIP", nil),
		"LoadBalancer": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", object{"Scheme": "internal", "Subnets": []any{"a", "b", "c"}}),
		"Firewall":     resource("AWS::WAFv2::WebACL", object{"Rules": []any{object{}, object{}}}),
		"FirewallLog":  resource("AWS::WAFv2::LoggingConfiguration", nil),
		"Log":          resource("AWS::Logs::LogGroup", object{"RetentionInDays": 30}),
		"AccessLogs": resource("AWS::S3::Bucket", object{"LifecycleConfiguration": object{
			"Rules": []any{object{"ExpirationInDays": 365}},
		}}),
		"Distribution":     resource("AWS::CloudFront::Distribution", nil),
		"Aggregator":       resource("AWS::Lambda::Function", object{"MemorySize": 1024}),
		"AggregatorSource": resource("AWS::Lambda::EventSourceMapping", object{"StartingPosition": "TRIM_HORIZON", "FunctionName": object{"Ref": "Aggregator"}}),
	}
	maps.Copy(resources, changes)
	return without(resources)
}

// task is a task definition whose container writes to Log.
func task(cpu, memory string) object {
	return resource("AWS::ECS::TaskDefinition", object{
		"Cpu": cpu, "Memory": memory, "ContainerDefinitions": []any{object{
			"LogConfiguration": object{"Options": object{"awslogs-group": object{"Ref": "Log"}}},
		}},
	})
}

// state holds what all regions share.
func state(regions ...string) object {
	var replicas []any
	for _, region := range regions {
		replicas = append(replicas, object{"Region": region})
	}
	resources := object{
		"Readings": resource("AWS::DynamoDB::GlobalTable", object{
			"Replicas":  replicas,
			"KeySchema": []any{object{"AttributeName": "equipmentId"}, object{"AttributeName": "timestamp"}},
		}),
		"Pool": resource("AWS::Cognito::UserPool", nil),
	}
	if len(regions) > 1 {
		resources["Replica"] = resource("AWS::Cognito::UserPoolReplica", nil)
	}
	return resources
}

func resource(kind string, properties object) object {
	return object{"Type": kind, "Properties": properties}
}

func without(resources object) object {
	maps.DeleteFunc(resources, func(_ string, value any) bool { return value == nil })
	return resources
}

// assembly puts templates into a synthesized assembly; the key of each is its stack's name and region.
func assembly(t *testing.T, stacks map[[2]string]object) fstest.MapFS {
	t.Helper()
	files, artifacts := fstest.MapFS{}, object{"Tree": object{"type": "cdk:tree"}}
	for name, resources := range stacks {
		file := name[0] + ".template.json"
		artifacts[name[0]] = object{
			"type": "aws:cloudformation:stack", "environment": "aws://111122223333/" + name[1],
			"properties": object{"templateFile": file},
		}
		files[file] = jsonFile(t, object{"Resources": resources})
	}
	files["manifest.json"] = jsonFile(t, object{"artifacts": artifacts})
	return files
}

func jsonFile(t *testing.T, value any) *fstest.MapFile {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: text}
}

// deployment is the small service in two regions, with changes in the second.
func deployment(t *testing.T, changes object) *pricing.Deployment {
	t.Helper()
	stacks, err := pricing.ReadStacks(assembly(t, map[[2]string]object{
		{"SensorFlow-dev-state", "eu-west-1"}:           state("eu-west-1", "eu-central-1"),
		{"SensorFlow-dev-eu-west-1", "eu-west-1"}:       service(nil),
		{"SensorFlow-dev-eu-central-1", "eu-central-1"}: service(changes),
	}), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return pricing.Of(stacks)
}

// usage is the one that is meant where nothing is said.
func usage(t *testing.T) pricing.Usage {
	t.Helper()
	u, err := pricing.UsageOf(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return u
}
