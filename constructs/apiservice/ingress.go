package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53targets"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/jsii-runtime-go"
)

// viewerHeader carries the address of the client from CloudFront to the firewall. X-Forwarded-For will not do: the firewall looks at
// its first entry, which the client may write itself.
const viewerHeader = "x-viewer-address"

// viewerFunction overwrites whatever the client sends under that name.
const viewerFunction = `function handler(event) {
  event.request.headers['` + viewerHeader + `'] = { value: event.viewer.ip };
  return event.request;
}
`

// addWayIn lets clients in over HTTPS.
func (a *ApiService) addWayIn(p ApiServiceProps, logs *logBucket) {
	if p.Domain != nil {
		a.addDomain(p)
	} else {
		a.addDistribution(logs)
	}
}

// addDistribution puts CloudFront in front of the load balancer, which has no address on the internet: CloudFront reaches it within
// AWS's network, and its own certificate serves the clients.
func (a *ApiService) addDistribution(logs *logBucket) {
	listener := a.LoadBalancer.AddListener(jsii.String("FromCloudFront"), &awselasticloadbalancingv2.BaseApplicationListenerProps{
		Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP, Port: jsii.Number(80), Open: jsii.Bool(false),
		DefaultTargetGroups: &[]awselasticloadbalancingv2.IApplicationTargetGroup{a.TargetGroup},
	})
	a.LoadBalancer.Connections().AllowFrom(awsec2.Peer_PrefixList(a.cloudFrontPrefixes()), awsec2.Port_HTTP(), jsii.String("CloudFront"))
	function := awscloudfront.NewFunction(a, jsii.String("ViewerAddress"), &awscloudfront.FunctionProps{
		Code: awscloudfront.FunctionCode_FromInline(jsii.String(viewerFunction)), Runtime: awscloudfront.FunctionRuntime_JS_2_0(),
	})
	a.Distribution = awscloudfront.NewDistribution(a, jsii.String("Distribution"), &awscloudfront.DistributionProps{
		Comment: jsii.String("SensorFlow API"), HttpVersion: awscloudfront.HttpVersion_HTTP2_AND_3,
		EnableLogging: jsii.Bool(true), LogBucket: logs.bucket, LogFilePrefix: jsii.String("cloudfront/"),
		DefaultBehavior: &awscloudfront.BehaviorOptions{
			Origin: awscloudfrontorigins.VpcOrigin_WithApplicationLoadBalancer(a.LoadBalancer, &awscloudfrontorigins.VpcOriginWithEndpointProps{
				ProtocolPolicy: awscloudfront.OriginProtocolPolicy_HTTP_ONLY, HttpPort: jsii.Number(80),
				ReadTimeout: awscdk.Duration_Seconds(jsii.Number(60)), KeepaliveTimeout: awscdk.Duration_Seconds(jsii.Number(60)),
			}),
			AllowedMethods:       awscloudfront.AllowedMethods_ALLOW_ALL(),
			ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS,
			CachePolicy:          awscloudfront.CachePolicy_CACHING_DISABLED(),
			OriginRequestPolicy:  awscloudfront.OriginRequestPolicy_ALL_VIEWER(),
			FunctionAssociations: &[]*awscloudfront.FunctionAssociation{{Function: function, EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST}},
		},
	})
	a.Distribution.Node().AddDependency(listener)
	a.Url = awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("https://"), a.Distribution.DistributionDomainName()})
	a.RegionUrl = a.Url
}

// cloudFrontPrefixes finds the id of the list of CloudFront's addresses, which differs between regions, when the stack is deployed. A
// lookup when it is synthesized would need credentials then.
func (a *ApiService) cloudFrontPrefixes() *string {
	const name = "com.amazonaws.global.cloudfront.origin-facing"
	lookup := &customresources.AwsSdkCall{
		Service: jsii.String("EC2"), Action: jsii.String("DescribeManagedPrefixLists"),
		Parameters: map[string]interface{}{
			"Filters": []map[string]interface{}{{"Name": "prefix-list-name", "Values": []string{name}}},
		},
		PhysicalResourceId: customresources.PhysicalResourceId_Of(jsii.String(name)),
		OutputPaths:        jsii.Strings("PrefixLists.0.PrefixListId"),
	}
	resource := customresources.NewAwsCustomResource(a, jsii.String("CloudFrontPrefixes"), &customresources.AwsCustomResourceProps{
		OnCreate: lookup, OnUpdate: lookup, InstallLatestAwsSdk: jsii.Bool(false),
		LogGroup: awslogs.NewLogGroup(a, jsii.String("CloudFrontPrefixesLogs"), &awslogs.LogGroupProps{
			Retention: awslogs.RetentionDays_ONE_MONTH, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		}),
		Policy: customresources.AwsCustomResourcePolicy_FromStatements(&[]awsiam.PolicyStatement{
			// The call knows no resources.
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings("ec2:DescribeManagedPrefixLists"), Resources: jsii.Strings("*")}),
		}),
	})
	return resource.GetResponseField(jsii.String("PrefixLists.0.PrefixListId"))
}

// addDomain opens the load balancer to the internet under an address of the user's own.
func (a *ApiService) addDomain(p ApiServiceProps) {
	region := awscdk.Stack_Of(a).Region()
	regional := awscdk.Fn_Join(jsii.String("."), &[]*string{region, &p.Domain.Name})
	certificate := awscertificatemanager.NewCertificate(a, jsii.String("Certificate"), &awscertificatemanager.CertificateProps{
		DomainName: &p.Domain.Name, SubjectAlternativeNames: &[]*string{regional},
		Validation: awscertificatemanager.CertificateValidation_FromDns(p.Domain.HostedZone),
	})
	a.LoadBalancer.AddListener(jsii.String("Https"), &awselasticloadbalancingv2.BaseApplicationListenerProps{
		Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTPS, Port: jsii.Number(443), Open: jsii.Bool(true),
		Certificates:        &[]awselasticloadbalancingv2.IListenerCertificate{certificate},
		SslPolicy:           awselasticloadbalancingv2.SslPolicy_TLS13_RES,
		DefaultTargetGroups: &[]awselasticloadbalancingv2.IApplicationTargetGroup{a.TargetGroup},
	})
	a.LoadBalancer.AddListener(jsii.String("Http"), &awselasticloadbalancingv2.BaseApplicationListenerProps{
		Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP, Port: jsii.Number(80), Open: jsii.Bool(true),
		DefaultAction: awselasticloadbalancingv2.ListenerAction_Redirect(&awselasticloadbalancingv2.RedirectOptions{
			Protocol: jsii.String("HTTPS"), Port: jsii.String("443"), Permanent: jsii.Bool(true),
		}),
	})
	target := awsroute53.RecordTarget_FromAlias(awsroute53targets.NewLoadBalancerTarget(a.LoadBalancer, nil))
	awsroute53.NewARecord(a, jsii.String("RegionRecord"), &awsroute53.ARecordProps{Zone: p.Domain.HostedZone, RecordName: regional, Target: target})
	// The check asks for readiness from several continents: a region that answers but cannot store must leave the answer as well.
	health := awsroute53.NewHealthCheck(a, jsii.String("HealthCheck"), &awsroute53.HealthCheckProps{
		Type: awsroute53.HealthCheckType_HTTPS, Fqdn: regional, Port: jsii.Number(443), ResourcePath: jsii.String("/readyz"),
		RequestInterval: awscdk.Duration_Seconds(jsii.Number(10)), FailureThreshold: jsii.Number(3),
	})
	awsroute53.NewARecord(a, jsii.String("Record"), &awsroute53.ARecordProps{
		Zone: p.Domain.HostedZone, RecordName: &p.Domain.Name, Target: target,
		Region: region, SetIdentifier: region, HealthCheck: health,
	})
	a.Url = jsii.String("https://" + p.Domain.Name)
	a.RegionUrl = awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("https://"), regional})
}
