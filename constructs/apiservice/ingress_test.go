package apiservice_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestApiService_ServesHttpsWithoutADomain(t *testing.T) {
	template := synth(t, byDefault)
	distribution := template.Only(t, "AWS::CloudFront::Distribution")
	behavior := func(want any, path ...any) {
		t.Helper()
		distribution.Want(t, want, append([]any{"DistributionConfig", "DefaultCacheBehavior"}, path...)...)
	}
	behavior("redirect-to-https", "ViewerProtocolPolicy")
	behavior("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "CachePolicyId") // Managed-CachingDisabled
	// Managed-AllViewer, with Host, Authorization and cookies
	behavior("216adef6-5c7f-47e4-b989-5492eafa07d3", "OriginRequestPolicyId")
	behavior(false, "Compress") // the API compresses, and knows where a secret forbids it
	distribution.Want(t, template.Only(t, "AWS::CloudFront::VpcOrigin").ID, "DistributionConfig", "Origins", 0,
		"VpcOriginConfig", "VpcOriginId", "Fn::GetAtt", 0)
	distribution.Want(t, "http2and3", "DistributionConfig", "HttpVersion")
	template.Only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer").Want(t, "internal", "Scheme")
	if n := len(template.All("AWS::Route53::RecordSet")); n != 0 {
		t.Errorf("there are %d records", n)
	}
}

// TestApiService_TellsTheFirewallWhoTheClientIs runs the function of CloudFront, which is JavaScript, on a client that
// lies.
func TestApiService_TellsTheFirewallWhoTheClientIs(t *testing.T) {
	template := synth(t, byDefault)
	code := template.Only(t, "AWS::CloudFront::Function").Text(t, "FunctionCode")
	out, err := exec.Command("node", "-e", code+`; console.log(JSON.stringify(handler({
		viewer: {ip: "2001:db8::1"},
		request: {
			uri: "/sensor-data",
			headers: {"x-viewer-address": {value: "192.0.2.1"}, host: {value: "d1.cloudfront.net"}},
		},
	})))`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var request struct {
		URI     string
		Headers map[string]struct{ Value string }
	}
	if err := json.Unmarshal(out, &request); err != nil {
		t.Fatal(err)
	}
	limit := template.Only(t, "AWS::WAFv2::WebACL").Property("Rules", 0, "Statement", "RateBasedStatement")
	header, _ := cdktest.At(limit, "ForwardedIPConfig", "HeaderName").(string)
	if got := request.Headers[header].Value; got != "2001:db8::1" {
		t.Errorf("the firewall counts the request for %q", got)
	}
	if request.URI != "/sensor-data" || request.Headers["host"].Value != "d1.cloudfront.net" {
		t.Errorf("the function changes what it should pass on: %+v", request)
	}
	if cdktest.At(limit, "AggregateKeyType") != "FORWARDED_IP" {
		t.Errorf("the limit is %v", limit)
	}
}

func TestApiService_LimitsEachAddress(t *testing.T) {
	acl := synth(t, everything).Only(t, "AWS::WAFv2::WebACL")
	acl.Want(t, map[string]any{"AggregateKeyType": "IP", "EvaluationWindowSec": 300, "Limit": 100}, "Rules", 0,
		"Statement", "RateBasedStatement")
	var groups []string
	rules, _ := acl.Property("Rules").([]any)
	for _, rule := range rules {
		if name, ok := cdktest.At(rule, "Statement", "ManagedRuleGroupStatement", "Name").(string); ok {
			groups = append(groups, name)
		}
	}
	want := "AWSManagedRulesCommonRuleSet AWSManagedRulesKnownBadInputsRuleSet"
	if got := strings.Join(groups, " "); got != want+" AWSManagedRulesAmazonIpReputationList" {
		t.Errorf("under a domain the firewall has %s", got)
	}
	acl = synth(t, byDefault).Only(t, "AWS::WAFv2::WebACL")
	acl.Want(t, apiservice.RequestLimitDefault, "Rules", 0, "Statement", "RateBasedStatement", "Limit")
	if text := cdktest.JSON(t, acl.Body); strings.Contains(text, "Reputation") {
		t.Error("behind CloudFront a rule judges CloudFront's own addresses")
	}
	var problem struct{ Status int }
	err := json.Unmarshal([]byte(acl.Text(t, "CustomResponseBodies", "TooManyRequests", "Content")), &problem)
	if err != nil || problem.Status != 429 {
		t.Errorf("who is refused reads %+v: %v", problem, err)
	}
}

func TestApiService_ServesADomain(t *testing.T) {
	template := synth(t, withDomain)
	balancer := template.Only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer")
	balancer.Want(t, "internet-facing", "Scheme")
	https := template.Find(t, "AWS::ElasticLoadBalancingV2::Listener", "ApiLoadBalancerHttps")
	https.Want(t, "ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "SslPolicy")
	https.Want(t, 443, "Port")
	template.Find(t, "AWS::ElasticLoadBalancingV2::Listener", "ApiLoadBalancerHttpC").
		Want(t, "redirect", "DefaultActions", 0, "Type")
	certificate := template.Only(t, "AWS::CertificateManager::Certificate")
	certificate.Want(t, "api.example.com", "DomainName")
	certificate.Want(t, []string{"eu-west-1.api.example.com"}, "SubjectAlternativeNames")

	record := template.Find(t, "AWS::Route53::RecordSet", "ApiRecord")
	record.Want(t, "api.example.com.", "Name")
	record.Want(t, "eu-west-1", "Region")
	record.Want(t, "eu-west-1", "SetIdentifier")
	check := template.Only(t, "AWS::Route53::HealthCheck")
	record.Want(t, check.ID, "HealthCheckId", "Ref")
	// not the other regions, as the shared name might be
	check.Want(t, "eu-west-1.api.example.com", "HealthCheckConfig", "FullyQualifiedDomainName")
	check.Want(t, "/readyz", "HealthCheckConfig", "ResourcePath")
	check.Want(t, "HTTPS", "HealthCheckConfig", "Type")
	regional := template.Find(t, "AWS::Route53::RecordSet", "ApiRegionRecord")
	regional.Want(t, "eu-west-1.api.example.com.", "Name")
	if regional.Property("HealthCheckId") != nil {
		t.Error("the region's own name goes when the region is unhealthy, so that nobody can look")
	}
	for _, kind := range []string{"AWS::CloudFront::Distribution", "Custom::SensorFlowLookup"} {
		if n := len(template.All(kind)); n != 0 {
			t.Errorf("there are %d of %s", n, kind)
		}
	}
}

func TestApiService_TellsItsAddresses(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", "eu-west-1")
	props := required(t)(stack)
	props.Domain = domain(stack)
	api := apiservice.NewApiService(stack, "Api", &props)
	if *api.Url != "https://api.example.com" || *api.RegionUrl != "https://eu-west-1.api.example.com" ||
		api.Distribution != nil {
		t.Errorf("the API is at %s and %s", *api.Url, *api.RegionUrl)
	}
	props.Domain = nil
	other := apiservice.NewApiService(stack, "Other", &props)
	if *other.Url != *other.RegionUrl || !*awscdk.Token_IsUnresolved(other.Url) || other.Distribution == nil {
		t.Errorf("the API is at %s and %s", *other.Url, *other.RegionUrl)
	}
}

func TestApiService_KeepsAccessLogs(t *testing.T) {
	template := synth(t, byDefault)
	bucket := template.Find(t, "AWS::S3::Bucket", "ApiAccessLogs")
	balancer := template.Only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer")
	if text := cdktest.JSON(t, balancer.Property("LoadBalancerAttributes")); !strings.Contains(text, bucket.ID) {
		t.Errorf("the load balancer keeps no access logs:\n%s", text)
	}
	policy := template.Find(t, "AWS::S3::BucketPolicy", "ApiAccessLogs")
	if needs := cdktest.JSON(t, balancer.Body["DependsOn"]); !strings.Contains(needs, `"`+policy.ID+`"`) {
		t.Error("the load balancer is made before it may write, which it tries")
	}
	template.Only(t, "AWS::CloudFront::Distribution").
		Want(t, bucket.ID, "DistributionConfig", "Logging", "Bucket", "Fn::GetAtt", 0)
	bucket.Want(t, "BucketOwnerPreferred", "OwnershipControls", "Rules", 0, "ObjectOwnership")
	synth(t, withDomain).Find(t, "AWS::S3::Bucket", "ApiAccessLogs").
		Want(t, "BucketOwnerEnforced", "OwnershipControls", "Rules", 0, "ObjectOwnership")
}

func TestApiService_MeasuresWhatOperatorsAsk(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", "eu-west-1")
	props := required(t)(stack)
	a := apiservice.NewApiService(stack, "Api", &props)
	for _, m := range []struct {
		name, namespace, statistic string
		got                        interface {
			MetricName() *string
			Statistic() *string
			Namespace() *string
		}
	}{
		{"RequestCount", "AWS/ApplicationELB", "Sum", a.MetricRequests(nil)},
		{"HTTPCode_Target_5XX_Count", "AWS/ApplicationELB", "Sum", a.MetricServerErrors(nil)},
		{"HTTPCode_ELB_5XX_Count", "AWS/ApplicationELB", "Sum", a.MetricUnanswered(nil)},
		{"TargetResponseTime", "AWS/ApplicationELB", "p99", a.MetricLatency(nil)},
		{"CPUUtilization", "AWS/ECS", "Average", a.MetricCpu(nil)},
		{"MemoryUtilization", "AWS/ECS", "Maximum", a.MetricMemory(nil)},
		{"BlockedRequests", "AWS/WAFV2", "Sum", a.MetricBlockedRequests(nil)},
	} {
		if *m.got.MetricName() != m.name || *m.got.Namespace() != m.namespace || *m.got.Statistic() != m.statistic {
			t.Errorf("%s is %s of %s, %s", m.name, *m.got.MetricName(), *m.got.Namespace(), *m.got.Statistic())
		}
	}
}
