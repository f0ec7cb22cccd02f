package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53targets"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

const (
	// viewerHeader carries the address of the client from CloudFront to the firewall. X-Forwarded-For is not suitable:
	// the firewall looks at its first entry, which the client can write.
	viewerHeader = "x-viewer-address"
	// viewerFunction overwrites whatever the client sends under that name.
	viewerFunction = `function handler(event) {
  event.request.headers['` + viewerHeader + `'] = { value: event.viewer.ip };
  return event.request;
}
`
	// The proxies that append to X-Forwarded-For before the API: CloudFront and the load balancer, or the load balancer
	// alone.
	proxiesWithCloudFront, proxiesWithDomain = 2, 1

	// readinessPath tells whether the region can serve, livenessPath whether a task lives.
	readinessPath, livenessPath = "/readyz", "/healthz"
)

// addDistribution puts CloudFront in front of the load balancer, which has no address on the internet: CloudFront
// reaches it within AWS's network, and its own certificate serves the clients.
func (a *ApiService) addDistribution(p ApiServiceProps) {
	a.listener = a.LoadBalancer.AddListener(jsii.String("FromCloudFront"),
		&awselasticloadbalancingv2.BaseApplicationListenerProps{
			Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP, Port: jsii.Number(80), Open: jsii.Bool(false),
			DefaultTargetGroups: &[]awselasticloadbalancingv2.IApplicationTargetGroup{a.TargetGroup},
		})
	explainInnerHTTP(a.listener)
	a.LoadBalancer.Connections().AllowFrom(awsec2.Peer_PrefixList(a.cloudFrontPrefixes(p)), awsec2.Port_HTTP(),
		jsii.String("CloudFront"))
	function := awscloudfront.NewFunction(a, jsii.String("ViewerAddress"), &awscloudfront.FunctionProps{
		Code:    awscloudfront.FunctionCode_FromInline(jsii.String(viewerFunction)),
		Runtime: awscloudfront.FunctionRuntime_JS_2_0(),
	})
	a.Distribution = awscloudfront.NewDistribution(a, jsii.String("Distribution"), &awscloudfront.DistributionProps{
		Comment: jsii.String("SensorFlow API"), HttpVersion: awscloudfront.HttpVersion_HTTP2_AND_3,
		EnableLogging: jsii.Bool(true), LogBucket: a.AccessLogs, LogFilePrefix: jsii.String("cloudfront/"),
		DefaultBehavior: &awscloudfront.BehaviorOptions{
			Origin: awscloudfrontorigins.VpcOrigin_WithApplicationLoadBalancer(a.LoadBalancer,
				&awscloudfrontorigins.VpcOriginWithEndpointProps{
					ProtocolPolicy: awscloudfront.OriginProtocolPolicy_HTTP_ONLY, HttpPort: jsii.Number(80),
					ReadTimeout:      awscdk.Duration_Seconds(jsii.Number(60)),
					KeepaliveTimeout: awscdk.Duration_Seconds(jsii.Number(60)),
				}),
			AllowedMethods:       awscloudfront.AllowedMethods_ALLOW_ALL(),
			ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS,
			CachePolicy:          awscloudfront.CachePolicy_CACHING_DISABLED(),
			OriginRequestPolicy:  awscloudfront.OriginRequestPolicy_ALL_VIEWER(),
			// The API compresses what is worth it. CloudFront could not tell answers with secrets in them from others; it
			// passes Accept-Encoding on, and Vary and strong tags back.
			Compress: jsii.Bool(false),
			FunctionAssociations: &[]*awscloudfront.FunctionAssociation{{
				Function: function, EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST,
			}},
		},
	})
	a.Distribution.Node().AddDependency(a.listener)
	nag.Explain(a.Distribution,
		"an API for equipment and people anywhere: who may use it is decided by sign-in, not by country",
		"AwsSolutions-CFR1")
	nag.Explain(a.Distribution, "the firewall is in front of the load balancer, which takes requests from this "+
		"distribution only, and limits the rate by the client's address; a firewall for CloudFront itself can only "+
		"be made in us-east-1, and every region must stand without that one", "AwsSolutions-CFR2")
	nag.Explain(a.Distribution, "CloudFront's own certificate, which needs no domain, fixes the oldest protocol at "+
		"TLS 1.0, and current clients negotiate TLS 1.3; the Domain prop gives a certificate of the user's own with "+
		"TLS 1.2 and above only", "AwsSolutions-CFR4")
	a.Url = jsii.String("https://" + *a.Distribution.DistributionDomainName())
	a.RegionUrl = a.Url
}

// explainInnerHTTP is for the way from CloudFront to the load balancer.
func explainInnerHTTP(listener awselasticloadbalancingv2.ApplicationListener) {
	nag.Explain(listener, "without a domain there is no name that a certificate of the load balancer could be issued "+
		"for; clients speak HTTPS to CloudFront, which reaches this internal load balancer through a VPC origin, "+
		"inside AWS's network and this network alone, and nobody else may connect; the Domain prop ends TLS at the "+
		"load balancer instead",
		"ALBHttpToHttpsRedirection", "ELBv2ACMCertificateRequired")
}

// cloudFrontPrefixes finds the id of the list of CloudFront's addresses, which differs between regions, when the stack
// is deployed. A lookup when it is synthesized would need credentials then.
func (a *ApiService) cloudFrontPrefixes(p ApiServiceProps) *string {
	const name = "com.amazonaws.global.cloudfront.origin-facing"
	lookup := constructs.NewConstruct(a, jsii.String("CloudFrontPrefixes"))
	id := storage.LookUp(lookup, &customresources.AwsSdkCall{
		Service: jsii.String("EC2"), Action: jsii.String("describeManagedPrefixLists"),
		Parameters: map[string]any{
			"Filters": []map[string]any{{"Name": "prefix-list-name", "Values": []string{name}}},
		},
		PhysicalResourceId: customresources.PhysicalResourceId_Of(jsii.String(name)),
	}, "PrefixLists.0.PrefixListId", awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("ec2:DescribeManagedPrefixLists"), Resources: jsii.Strings("*"),
	}), p.Key)
	nag.ExplainWildcards(lookup,
		"ec2:DescribeManagedPrefixLists knows no resources, and tells no more than names and ids of address lists",
		"Resource::*")
	return id
}

// addDomain opens the load balancer to the internet under an address of the user's own.
func (a *ApiService) addDomain(p ApiServiceProps) {
	region := awscdk.Stack_Of(a).Region()
	regional := jsii.String(*region + "." + p.Domain.Name)
	certificate := awscertificatemanager.NewCertificate(a, jsii.String("Certificate"),
		&awscertificatemanager.CertificateProps{
			DomainName: &p.Domain.Name, SubjectAlternativeNames: &[]*string{regional},
			Validation: awscertificatemanager.CertificateValidation_FromDns(p.Domain.HostedZone),
		})
	a.listener = a.LoadBalancer.AddListener(jsii.String("Https"), &awselasticloadbalancingv2.BaseApplicationListenerProps{
		Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTPS, Port: jsii.Number(443), Open: jsii.Bool(true),
		Certificates:        &[]awselasticloadbalancingv2.IListenerCertificate{certificate},
		SslPolicy:           awselasticloadbalancingv2.SslPolicy_TLS13_RES, // TLS 1.3, and 1.2 with forward secrecy
		DefaultTargetGroups: &[]awselasticloadbalancingv2.IApplicationTargetGroup{a.TargetGroup},
	})
	redirect := a.LoadBalancer.AddListener(jsii.String("Http"), &awselasticloadbalancingv2.BaseApplicationListenerProps{
		Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP, Port: jsii.Number(80), Open: jsii.Bool(true),
		DefaultAction: awselasticloadbalancingv2.ListenerAction_Redirect(&awselasticloadbalancingv2.RedirectOptions{
			Protocol: jsii.String("HTTPS"), Port: jsii.String("443"), Permanent: jsii.Bool(true),
		}),
	})
	nag.Explain(redirect, "the listener passes nothing on: it answers every request with a redirect to HTTPS, for "+
		"people who type the address", "ELBv2ACMCertificateRequired")
	a.addRecords(p.Domain, regional)
	a.Url = jsii.String("https://" + p.Domain.Name)
	a.RegionUrl = jsii.String("https://" + *regional)
}

// addRecords gives the load balancer two names: one of this region, and the domain, which it shares with the other
// regions and has only while it is healthy.
func (a *ApiService) addRecords(domain *Domain, regional *string) {
	region := awscdk.Stack_Of(a).Region()
	target := awsroute53.RecordTarget_FromAlias(awsroute53targets.NewLoadBalancerTarget(a.LoadBalancer, nil))
	own := awsroute53.NewARecord(a, jsii.String("RegionRecord"),
		&awsroute53.ARecordProps{Zone: domain.HostedZone, RecordName: regional, Target: target})
	a.addresses = append(a.addresses, own)
	// The check asks for readiness, from several continents: DNS must leave out a region that answers but cannot store.
	health := awsroute53.NewHealthCheck(a, jsii.String("HealthCheck"), &awsroute53.HealthCheckProps{
		Type:            awsroute53.HealthCheckType_HTTPS,
		Fqdn:            regional,
		Port:            jsii.Number(443),
		ResourcePath:    jsii.String(readinessPath),
		RequestInterval: awscdk.Duration_Seconds(jsii.Number(10)), FailureThreshold: jsii.Number(3),
	})
	awsroute53.NewARecord(a, jsii.String("Record"), &awsroute53.ARecordProps{
		Zone: domain.HostedZone, RecordName: &domain.Name, Target: target,
		Region: region, SetIdentifier: region, HealthCheck: health,
	})
}
