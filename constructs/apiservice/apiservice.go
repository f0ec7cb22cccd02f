package apiservice

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// ApiService is the HTTP API of one region.
type ApiService struct { //nolint:revive // the name that the CDK's users look for
	constructs.Construct

	// Vpc is the network in use, new or passed in.
	Vpc awsec2.IVpc
	// LoadBalancer distributes the requests; TargetGroup are the tasks that take them.
	LoadBalancer awselasticloadbalancingv2.ApplicationLoadBalancer
	TargetGroup  awselasticloadbalancingv2.ApplicationTargetGroup
	Cluster      awsecs.Cluster
	Service      awsecs.FargateService
	// Distribution is the way in without a Domain; nil with one.
	Distribution awscloudfront.Distribution
	// WebAcl is the firewall in front of the load balancer.
	WebAcl awswafv2.CfnWebACL
	// Url is the origin under which clients reach the API, such as https://d111111abcdef8.cloudfront.net.
	Url *string
	// RegionUrl reaches this region's API whatever Route 53 thinks of its health; the same as Url without a Domain.
	RegionUrl *string
}

// NewApiService adds the API of a region to scope. It panics when the props are wrong.
func NewApiService(scope constructs.Construct, id string, props *ApiServiceProps) *ApiService {
	var p ApiServiceProps
	if props != nil {
		p = *props
	}
	if err := p.Validate(); err != nil {
		panic(fmt.Errorf("%s/%s: %w", *scope.Node().Path(), id, err))
	}
	p = p.withDefaults()
	a := &ApiService{}
	constructs.NewConstruct_Override(a, scope, &id)

	var network constructs.IDependable
	if a.Vpc = p.Vpc; a.Vpc == nil {
		n := newNetwork(a, "Network", networkProps{cidr: p.VpcCidr, zones: p.Zones, natGateways: p.NatGateways, key: p.Key, retention: p.LogRetention})
		a.Vpc, network = n.vpc, n.construct
	}
	logs := a.addLogBucket(p)
	tasks := awsec2.NewSecurityGroup(a, jsii.String("TaskSecurityGroup"), &awsec2.SecurityGroupProps{
		Vpc: a.Vpc, Description: jsii.String("Tasks of the SensorFlow API"), AllowAllOutbound: jsii.Bool(false),
	})
	// DynamoDB, S3, Cognito, Secrets Manager, the image registry and the logs all speak HTTPS.
	tasks.AddEgressRule(awsec2.Peer_AnyIpv4(), awsec2.Port_HTTPS(), jsii.String("AWS services over HTTPS"), nil)
	a.addLoadBalancer(p, logs, tasks, network)
	a.addWayIn(p, logs)
	a.addService(p, tasks, network)
	a.addFirewall(p)
	return a
}

const loadBalancerIdle = 65 // seconds; below the API's idle timeout of 75 s

func (a *ApiService) addLoadBalancer(p ApiServiceProps, logs *logBucket, tasks awsec2.SecurityGroup, network constructs.IDependable) {
	public := p.Domain != nil
	group := awsec2.NewSecurityGroup(a, jsii.String("LoadBalancerSecurityGroup"), &awsec2.SecurityGroupProps{
		Vpc: a.Vpc, Description: jsii.String("Load balancer of the SensorFlow API"), AllowAllOutbound: jsii.Bool(false),
	})
	group.AddEgressRule(tasks, awsec2.Port_Tcp(jsii.Number(containerPort)), jsii.String("Tasks of the API"), nil)
	tasks.AddIngressRule(group, awsec2.Port_Tcp(jsii.Number(containerPort)), jsii.String("Load balancer"), nil)
	subnets := awsec2.SubnetType_PRIVATE_WITH_EGRESS
	if public {
		subnets = awsec2.SubnetType_PUBLIC
	}
	a.LoadBalancer = awselasticloadbalancingv2.NewApplicationLoadBalancer(a, jsii.String("LoadBalancer"), &awselasticloadbalancingv2.ApplicationLoadBalancerProps{
		Vpc: a.Vpc, InternetFacing: &public, SecurityGroup: group, VpcSubnets: &awsec2.SubnetSelection{SubnetType: subnets},
		DeletionProtection: jsii.Bool(!p.Disposable), DropInvalidHeaderFields: jsii.Bool(true),
		DesyncMitigationMode: awselasticloadbalancingv2.DesyncMitigationMode_STRICTEST,
		IdleTimeout:          awscdk.Duration_Seconds(jsii.Number(loadBalancerIdle)),
	})
	if network != nil {
		a.LoadBalancer.Node().AddDependency(network)
	}
	logs.takeLoadBalancer(a.LoadBalancer)
	a.TargetGroup = awselasticloadbalancingv2.NewApplicationTargetGroup(a, jsii.String("Tasks"), &awselasticloadbalancingv2.ApplicationTargetGroupProps{
		Vpc: a.Vpc, Port: jsii.Number(containerPort), Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP,
		TargetType:                 awselasticloadbalancingv2.TargetType_IP,
		LoadBalancingAlgorithmType: awselasticloadbalancingv2.TargetGroupLoadBalancingAlgorithmType_LEAST_OUTSTANDING_REQUESTS,
		DeregistrationDelay:        awscdk.Duration_Seconds(jsii.Number(15)), // the drain timeout of the API covers what is in flight
		HealthCheck: &awselasticloadbalancingv2.HealthCheck{
			// Readiness, not liveness: a region whose tables cannot be reached must leave the answer, and a task that drains must
			// get no more requests.
			Path: jsii.String("/readyz"), HealthyHttpCodes: jsii.String("200"),
			Interval: awscdk.Duration_Seconds(jsii.Number(10)), Timeout: awscdk.Duration_Seconds(jsii.Number(5)),
			HealthyThresholdCount: jsii.Number(2), UnhealthyThresholdCount: jsii.Number(2),
		},
	})
}
