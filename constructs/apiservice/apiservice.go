package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/constructs/nag"
)

// ApiService is the HTTP API of one region.
type ApiService struct {
	constructs.Construct

	// Vpc is the network in use, new or passed in.
	Vpc awsec2.IVpc
	// LoadBalancer distributes the requests. TargetGroup holds the tasks that take them; AlternateTargetGroup does so
	// after every second deployment, and is nil with Rolling.
	LoadBalancer                      awselasticloadbalancingv2.ApplicationLoadBalancer
	TargetGroup, AlternateTargetGroup awselasticloadbalancingv2.ApplicationTargetGroup
	Cluster                           awsecs.Cluster
	Service                           awsecs.FargateService
	// SmokeTest is the function that tries the API; nil without SmokeTestCredentials. Invoked with {} it answers with a
	// hookStatus of SUCCEEDED, FAILED, or IN_PROGRESS: then it wants to be invoked with its own answer.
	SmokeTest awslambda.Function
	// Logs has a stream for each task, also for those that could not start.
	Logs awslogs.LogGroup
	// AccessLogs is the bucket with the access logs of the load balancer and of the Distribution.
	AccessLogs awss3.Bucket
	// Distribution is the way in without a Domain; nil with one.
	Distribution awscloudfront.Distribution
	// WebAcl is the firewall in front of the load balancer.
	WebAcl awswafv2.CfnWebACL
	// Url is the origin under which clients reach the API, such as https://d111111abcdef8.cloudfront.net.
	Url *string
	// RegionUrl reaches this region's API even while Route 53 holds it for unhealthy. Without a Domain it is the same
	// as Url.
	RegionUrl *string

	firewallName string
	// rollback are the names of the alarms that end a deployment.
	rollback []*string
	// addresses must be there before anybody finds the API under its address.
	addresses []constructs.IDependable
	// listener takes the requests of clients.
	listener awselasticloadbalancingv2.ApplicationListener
}

// NewApiService makes an ApiService.
func NewApiService(scope constructs.Construct, id string, props *ApiServiceProps) *ApiService {
	region := *refuse.OutsideStack(scope, id).Region()
	p := prop.OrZero(props)
	refuse.If(scope, id, p.faults(region).Err())
	p = p.withDefaults(region)
	a := &ApiService{}
	constructs.NewConstruct_Override(a, scope, &id)

	ways := a.addNetwork(p)
	a.addLogBucket(p)
	tasks := awsec2.NewSecurityGroup(a, jsii.String("TaskSecurityGroup"), &awsec2.SecurityGroupProps{
		Vpc: a.Vpc, Description: jsii.String("Tasks of the SensorFlow API"), AllowAllOutbound: jsii.Bool(false),
	})
	// DynamoDB, S3, Cognito, Secrets Manager, the image registry and the logs all speak HTTPS.
	tasks.AddEgressRule(awsec2.Peer_AnyIpv4(), awsec2.Port_HTTPS(), jsii.String("AWS services over HTTPS"), nil)
	balancer := a.addLoadBalancer(p, tasks, ways)
	a.TargetGroup = a.newTargetGroup("Tasks")
	if p.shifts() {
		a.AlternateTargetGroup = a.newTargetGroup("AlternateTasks")
	}
	if p.Domain != nil {
		a.addDomain(p)
	} else {
		a.addDistribution(p)
	}
	a.addService(p, tasks, ways)
	a.addSmokeTest(p)
	a.protect(p)
	a.addFirewall(p)
	nameRules(tasks, balancer)
	return a
}

// addNetwork finds or makes the network. It returns what must exist before anything can be put into the network, nil
// for an existing network.
func (a *ApiService) addNetwork(p ApiServiceProps) (ways constructs.IDependable) {
	if a.Vpc = p.Vpc; a.Vpc != nil {
		return nil
	}
	n := newNetwork(a, "Network", networkProps{
		cidr:        p.VpcCidr,
		zones:       p.Zones,
		natGateways: p.NatGateways,
		key:         p.Key,
		retention:   p.LogRetention,
		removal:     removal.Policy(p.Disposable),
	})
	a.Vpc = n.vpc
	return n.ways
}

// loadBalancerIdleSeconds is below the 75 s after which the API closes an idle connection, and above the 60 s after
// which CloudFront does. So the side that sends the requests is always the first to close a connection.
const loadBalancerIdleSeconds = 65

func (a *ApiService) addLoadBalancer(
	p ApiServiceProps, tasks awsec2.SecurityGroup, ways constructs.IDependable,
) awsec2.SecurityGroup {
	public := p.Domain != nil
	group := awsec2.NewSecurityGroup(a, jsii.String("LoadBalancerSecurityGroup"), &awsec2.SecurityGroupProps{
		Vpc: a.Vpc, Description: jsii.String("Load balancer of the SensorFlow API"), AllowAllOutbound: jsii.Bool(false),
	})
	group.AddEgressRule(tasks, awsec2.Port_Tcp(jsii.Number(containerPort)), jsii.String("Tasks of the API"), nil)
	tasks.AddIngressRule(group, awsec2.Port_Tcp(jsii.Number(containerPort)), jsii.String("Load balancer"), nil)
	subnets := awsec2.SubnetType_PRIVATE_WITH_EGRESS
	if public {
		subnets = awsec2.SubnetType_PUBLIC
		nag.Explain(group, "the API is public under its own domain: everyone may connect to ports 443 and, to be "+
			"redirected there, 80",
			"AwsSolutions-EC23")
	}
	a.LoadBalancer = awselasticloadbalancingv2.NewApplicationLoadBalancer(a, jsii.String("LoadBalancer"),
		&awselasticloadbalancingv2.ApplicationLoadBalancerProps{
			Vpc:                     a.Vpc,
			InternetFacing:          &public,
			SecurityGroup:           group,
			VpcSubnets:              &awsec2.SubnetSelection{SubnetType: subnets},
			DropInvalidHeaderFields: jsii.Bool(true),
			DesyncMitigationMode:    awselasticloadbalancingv2.DesyncMitigationMode_STRICTEST,
			IdleTimeout:             awscdk.Duration_Seconds(jsii.Number(loadBalancerIdleSeconds)),
		})
	// The CDK would say that it is not protected, and undo with each change of an attribute what protect does.
	a.LoadBalancer.RemoveAttribute(jsii.String("deletion_protection.enabled"))
	if ways != nil {
		a.LoadBalancer.Node().AddDependency(ways)
	}
	a.logAccess(a.LoadBalancer)
	return group
}

// newTargetGroup makes a group of tasks. It checks whether tasks live, and not whether they are ready. ECS replaces
// unhealthy tasks: that repairs nothing outside of a task, and what the task has cached is lost. Route 53 checks
// whether a region serves. Whether a new version may use the tables, a task finds out itself before it begins to
// listen.
func (a *ApiService) newTargetGroup(id string) awselasticloadbalancingv2.ApplicationTargetGroup {
	const leastBusy = awselasticloadbalancingv2.TargetGroupLoadBalancingAlgorithmType_LEAST_OUTSTANDING_REQUESTS
	return awselasticloadbalancingv2.NewApplicationTargetGroup(a, &id,
		&awselasticloadbalancingv2.ApplicationTargetGroupProps{
			Vpc: a.Vpc, Port: jsii.Number(containerPort), Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP,
			TargetType:                 awselasticloadbalancingv2.TargetType_IP,
			LoadBalancingAlgorithmType: leastBusy,
			// ECS takes a task out of the group, waits for this long, and then sends SIGTERM. The API's own drain
			// covers the rest.
			DeregistrationDelay: awscdk.Duration_Seconds(jsii.Number(15)),
			HealthCheck: &awselasticloadbalancingv2.HealthCheck{
				Path: jsii.String(livenessPath), HealthyHttpCodes: jsii.String("200"),
				Interval: awscdk.Duration_Seconds(jsii.Number(10)), Timeout: awscdk.Duration_Seconds(jsii.Number(5)),
				HealthyThresholdCount: jsii.Number(2), UnhealthyThresholdCount: jsii.Number(3),
			},
		})
}
