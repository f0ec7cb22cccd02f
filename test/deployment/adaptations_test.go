package deployment_test

import (
	"context"
	"maps"
)

// adaptation says what is done about a type of resource that the emulator's CloudFormation cannot make as the template has it.
// Each uses one of the ways below, or change and complete together.
type adaptation struct {
	// reason is what the emulator lacks, and what is lost to the test by it.
	reason string
	// values stand for a resource of which nothing is made, by attribute; "" is what Ref gives. Empty where nothing refers to it.
	values map[string]string
	// make makes the resource by its service's own calls, before the stack, and returns what it is called by.
	make func(ctx context.Context, s *stack, properties object) (values map[string]string, err error)
	// attributes are those that the emulator does not tell, computed from what Ref gives.
	attributes map[string]func(ref object) object
	// change turns the resource into one that the emulator makes.
	change func(s *stack, resource object) object
	// docker is set where the emulator makes the resource, and would then run a function in Docker.
	docker bool
	// complete gives the resource, once the stack is there, what the emulator has left out.
	complete func(ctx context.Context, s *stack, id string, made *created) error
}

// nothing stands for a resource to which no resource refers that is made.
var nothing = map[string]string{}

const (
	unknown = "the emulator's CloudFormation does not know the type; "
	// apiDomain stands for the address that CloudFront gives.
	apiDomain = "d111111abcdef8.cloudfront.net"
)

// adaptations is everything that keeps the test from being a deployment. Each type of the templates that the emulator does not make
// stands here with its reason. The test fails for a type that is missing here, for one that no template has, and for one that the
// emulator knows by now.
var adaptations = map[string]adaptation{
	"AWS::DynamoDB::GlobalTable": {
		reason: unknown + "each replica becomes a table of its region, and DynamoDB Local holds the items, one table for all replicas: " +
			"replication has no delay",
		change:   globalTable,
		complete: replicaTables,
	},
	"Custom::SensorFlowLookup": {
		reason: "the emulator would run the CDK's function in Docker; the call that the resource describes is made here",
		make:   makeCall,
	},
	"Custom::SensorFlowServiceRole": {
		reason: "the emulator would run the CDK's function in Docker; the call that the resource describes is made here",
		make:   makeCall,
	},
	"Custom::SensorFlowProtection": {
		reason: "the emulator would run the CDK's function in Docker; the call that the resource describes is made here, " +
			"once the stack is there",
		values: nothing, complete: completeCall,
	},
	"Custom::S3AutoDeleteObjects": {
		reason: "the emulator would run the CDK's function in Docker, when the stack is deleted: TestLife empties the bucket before, and what " +
			"the function calls is read from its source",
		values: nothing, complete: emptiedBucket,
	},
	"AWS::KMS::Key": {
		reason: "the emulator's CloudFormation does not tell the attribute KeyId, which Ref is as well, makes keys of one region only, " +
			"fails on tags, and takes the policy as text",
		attributes: map[string]func(object) object{"KeyId": asRef}, change: emulatedKey,
	},
	"AWS::KMS::ReplicaKey": {
		reason:     unknown + "it becomes a key of its own, once the key that it replicates is found",
		attributes: map[string]func(object) object{"KeyId": asRef}, change: emulatedKey, complete: findPrimary,
	},
	"AWS::Cognito::UserPool": {
		reason: unknown + "the emulator's CreateUserPool makes it from the same properties", make: userPool,
	},
	"AWS::Cognito::UserPoolClient": {
		reason: unknown + "the emulator's CreateUserPoolClient makes it from the same properties", make: userPoolClient,
	},
	"AWS::Cognito::UserPoolDomain": {
		reason: unknown + "the emulator's CreateUserPoolDomain makes it from the same properties", make: userPoolDomain,
	},
	"AWS::Cognito::UserPoolResourceServer": {
		reason: unknown + "the emulator's CreateResourceServer makes it from the same properties", make: resourceServer,
	},
	"AWS::Cognito::UserPoolGroup": {
		reason: unknown + "the emulator's CreateGroup makes it from the same properties", make: userPoolGroup,
	},
	"AWS::Cognito::UserPoolReplica": {
		reason: unknown + "nor the call; the one pool answers in both regions", values: nothing,
	},
	"AWS::Cognito::UserPoolRegionalConfigurationAttachment": {
		reason: unknown + "nor the call; the one pool answers in both regions", values: nothing,
	},
	"AWS::SecretsManager::Secret": {
		reason: unknown + "CreateSecret makes it, with its replicas, which are asked for by their whole ARN: by its beginning, which our policies and " +
			"programs know, the emulator finds the first secret alone",
		make: secret,
	},
	"AWS::S3::Bucket": {
		reason:   "the emulator's CloudFormation leaves out notifications and versions; S3's calls set them. CORS is not set",
		complete: completeBucket,
	},
	"AWS::Lambda::EventSourceMapping": {
		reason: "the emulator would run the function in Docker: the mapping is made switched off, and this test polls by it",
		docker: true,
		change: func(_ *stack, resource object) object {
			return withProperties(resource, object{"Enabled": false})
		},
	},
	"AWS::S3::BucketPolicy": {
		reason: unknown + "and asks no policy; what they allow roles of the stack is in the table of permissions, and package test/synth holds " +
			"the others",
		values: nothing,
	},
	"AWS::SQS::QueuePolicy": {reason: unknown + "and asks no policy; package test/synth holds them", values: nothing},
	"AWS::SNS::TopicPolicy": {reason: unknown + "and asks no policy; package test/synth holds them", values: nothing},
	"AWS::EC2::InternetGateway": {
		reason: "the emulator's CloudFormation does not tell the attribute InternetGatewayId, which Ref is as well", attributes: map[string]func(object) object{"InternetGatewayId": asRef},
	},
	"AWS::EC2::NatGateway": {
		reason:     "the emulator's CloudFormation does not tell the attribute NatGatewayId, which Ref is as well",
		attributes: map[string]func(object) object{"NatGatewayId": asRef},
	},
	"AWS::ElasticLoadBalancingV2::TargetGroup": {
		reason:     "the emulator's CloudFormation does not tell the attribute TargetGroupFullName, which is the end of the ARN",
		attributes: map[string]func(object) object{"TargetGroupFullName": endOfARN},
	},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {
		reason:     "the emulator's CloudFormation does not tell the attribute LoadBalancerFullName, which is the end of the ARN",
		attributes: map[string]func(object) object{"LoadBalancerFullName": endOfLoadBalancer},
	},
	"AWS::EC2::SecurityGroupIngress": {
		reason: "the emulator's CloudFormation does not know prefix lists as a source; a range of addresses takes the place of one",
		change: func(_ *stack, resource object) object {
			if properties(resource)["SourcePrefixListId"] == nil {
				return resource
			}
			return withProperties(resource, object{"CidrIp": "192.0.2.0/24"})
		},
	},
	"AWS::EC2::SecurityGroupEgress":                 {reason: unknown + "nothing goes through a network here", values: nothing},
	"AWS::CloudFront::Distribution":                 {reason: unknown + "the API is called directly", values: map[string]string{"DomainName": apiDomain}},
	"AWS::CloudFront::Function":                     {reason: unknown + "the API is called directly", values: nothing},
	"AWS::CloudFront::VpcOrigin":                    {reason: unknown + "the API is called directly", values: nothing},
	"AWS::ECS::ClusterCapacityProviderAssociations": {reason: unknown + "the API runs as a process", values: nothing},
	"AWS::ApplicationAutoScaling::ScalableTarget":   {reason: unknown + "one process serves a region", values: nothing},
	"AWS::ApplicationAutoScaling::ScalingPolicy":    {reason: unknown + "one process serves a region", values: nothing},
	"AWS::Lambda::EventInvokeConfig":                {reason: unknown + "the auditor is invoked once", values: nothing},
	"AWS::CloudWatch::Alarm": {
		reason: unknown + "nobody measures here",
		values: map[string]string{"": "none", "Arn": "arn:aws:cloudwatch:eu-west-1:" + account + ":alarm:none"},
	},
	"AWS::Logs::MetricFilter":          {reason: unknown + "nobody measures here", values: nothing},
	"AWS::WAFv2::WebACL":               {reason: unknown + "the API is called directly", values: nothing},
	"AWS::WAFv2::WebACLAssociation":    {reason: unknown + "the API is called directly", values: nothing},
	"AWS::WAFv2::LoggingConfiguration": {reason: unknown + "the API is called directly", values: nothing},
}

// asRef is an attribute that is what Ref is.
func asRef(ref object) object { return ref }

// endOfARN is what an ARN has behind the account.
func endOfARN(ref object) object {
	return object{"Fn::Select": []any{5, object{"Fn::Split": []any{":", ref}}}}
}

func endOfLoadBalancer(ref object) object {
	return object{"Fn::Select": []any{1, object{"Fn::Split": []any{":loadbalancer/", ref}}}}
}

// withProperties returns the resource with other properties beside, or in place of, its own.
func withProperties(resource, more object) object {
	changed, p := maps.Clone(resource), maps.Clone(properties(resource))
	maps.Copy(p, more)
	changed["Properties"] = p
	return changed
}

// globalTable is the replica of the stack's own region.
func globalTable(s *stack, resource object) object {
	return tableOf(resource, s.Region)
}

// tableOf is the table that a global table has in a region.
func tableOf(resource object, region string) object {
	p := maps.Clone(properties(resource))
	replicas, _ := p["Replicas"].([]any)
	delete(p, "Replicas")
	for _, replica := range replicas {
		if text(replica, "Region") == region {
			p["DeletionProtectionEnabled"] = at(replica, "DeletionProtectionEnabled")
		}
	}
	delete(p, "SSESpecification") // the emulator encrypts nothing
	if stream, ok := p["StreamSpecification"].(object); ok {
		stream = maps.Clone(stream)
		stream["StreamEnabled"] = true // which the type of one region has not, and the emulator asks for
		p["StreamSpecification"] = stream
	}
	return object{"Type": "AWS::DynamoDB::Table", "Properties": p}
}

// replicaTables makes the other regions' tables of a global table.
func replicaTables(ctx context.Context, s *stack, id string, made *created) error {
	resource := s.resources()[id].(object)
	replicas, _ := properties(resource)["Replicas"].([]any)
	for _, replica := range replicas {
		region := text(replica, "Region")
		if region == "" || region == s.Region || at(replica, "Region") == nil {
			continue
		}
		table := withProperties(tableOf(resource, region), object{"TableName": made.Physical[id]})
		table["DeletionPolicy"] = s.policy(resource)
		if _, err := s.createStack(ctx, region, s.Name+"-"+id, object{"Resources": object{id: table}}); err != nil {
			return err
		}
	}
	return nil
}
