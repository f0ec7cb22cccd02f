package apiservice_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

// image is a prebuilt image, since building one takes seconds.
func image(t *testing.T) awsecs.ContainerImage {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return awsecs.ContainerImage_FromAsset(&dir, nil)
}

// required are the props without which there is no ApiService, and an image.
func required(t *testing.T) func(awscdk.Stack) apiservice.ApiServiceProps {
	return func(stack awscdk.Stack) apiservice.ApiServiceProps {
		key := storage.NewKey(stack, "Key", nil).Key
		pool := identity.NewIdentity(stack, "Identity", &identity.IdentityProps{Key: key})
		return apiservice.ApiServiceProps{
			Tables:   storage.NewGlobalTables(stack, "Tables", &storage.GlobalTablesProps{Key: key}),
			Uploads:  storage.NewUploads(stack, "Uploads", &storage.UploadsProps{Key: key}),
			Settings: pool.Settings,
			Key:      key, Image: image(t),
			SmokeTestCredentials: pool.SmokeTest, SmokeTestCode: cdktest.LambdaCode(t),
		}
	}
}

func domain(stack awscdk.Stack) *apiservice.Domain {
	return &apiservice.Domain{
		Name: "api.example.com",
		HostedZone: awsroute53.HostedZone_FromHostedZoneAttributes(stack, jsii.String("Zone"),
			&awsroute53.HostedZoneAttributes{
				HostedZoneId: jsii.String("Z1"), ZoneName: jsii.String("example.com"),
			}),
	}
}

type change = func(awscdk.Stack, *apiservice.ApiServiceProps)

func byDefault(awscdk.Stack, *apiservice.ApiServiceProps) {}

func withDomain(stack awscdk.Stack, p *apiservice.ApiServiceProps) { p.Domain = domain(stack) }

func twoZones(_ awscdk.Stack, p *apiservice.ApiServiceProps) { p.Zones = 2 }

func rolling(_ awscdk.Stack, p *apiservice.ApiServiceProps) { p.Deployment = apiservice.Rolling }

// everything sets every prop that has a default, other than Vpc, which excludes some.
func everything(stack awscdk.Stack, p *apiservice.ApiServiceProps) {
	p.Domain, p.AllowedOrigins = domain(stack), []string{"https://console.example.com", "https://other.example.com"}
	p.Retention, p.UserPoolRegion, p.IndexShards, p.FleetBuckets = 90*24*time.Hour, "us-east-1", 16, 32
	p.VpcCidr, p.Zones, p.NatGateways = "10.1.0.0/20", 2, 2
	p.TasksMin, p.TasksMax, p.TaskCpu, p.TaskMemoryMiB, p.SpotPercent = 2, 10, 1024, 4096, 70
	p.CpuTargetPercent, p.RequestsPerTask, p.RequestLimit = 50, 10_000, 100
	p.FirewallLog = apiservice.FirewallLogAll
	p.Architecture, p.LogRetention, p.Disposable = goasset.AMD64, awslogs.RetentionDays_ONE_YEAR, true
	p.Deployment, p.SmokeTestName = apiservice.Linear, "try"
	p.SettingsRevision, p.Leaving = "2", true
}

// imported is what the regional stack of several regions hands over, and an existing network.
func imported(stack awscdk.Stack, p *apiservice.ApiServiceProps) {
	p.Tables = storage.ImportGlobalTables(stack, "ImportedTables",
		&storage.ImportGlobalTablesProps{Name: "SensorFlow-dev", Key: p.Key})
	p.Settings = identity.ImportSettings(stack, "Settings", "SensorFlow-dev", p.Key)
	p.SmokeTestCredentials = identity.ImportSmokeTest(stack, "SmokeTest", "SensorFlow-dev", p.Key)
	p.Vpc = existing(stack)
}

func existing(stack awscdk.Stack) awsec2.IVpc {
	return awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Existing"), &awsec2.VpcAttributes{
		VpcId:             jsii.String("vpc-1"),
		VpcCidrBlock:      jsii.String("10.9.0.0/16"),
		AvailabilityZones: jsii.Strings("eu-west-1a", "eu-west-1b"),
		PublicSubnetIds:   jsii.Strings("subnet-1", "subnet-2"), PrivateSubnetIds: jsii.Strings("subnet-3", "subnet-4"),
		PublicSubnetRouteTableIds:  jsii.Strings("rtb-1", "rtb-2"),
		PrivateSubnetRouteTableIds: jsii.Strings("rtb-3", "rtb-4"),
	})
}

func synthIn(t *testing.T, region string, change change, options ...cdktest.Option) *cdktest.Assembly {
	t.Helper()
	app := cdktest.NewApp(t, options...)
	stack := cdktest.NewStack(app, "Stack", region)
	props := required(t)(stack)
	change(stack, &props)
	apiservice.NewApiService(stack, "Api", &props)
	return cdktest.Synth(t, app)
}

func synth(t *testing.T, change change) cdktest.Template {
	t.Helper()
	return synthIn(t, "eu-west-1", change).Template(t, "Stack")
}

// TestApiService_Golden holds, apart from each other, what a reader looks at together. What the network is made of is
// told by its subnets and routes in one zone; the other zones are the same.
func TestApiService_Golden(t *testing.T) {
	api := synth(t, twoZones).Below("Api")
	api.Part("AWS::CloudFront::*", "AWS::ElasticLoadBalancingV2::*", "Custom::SensorFlowLookup").Golden(t, "cloudfront")
	api.Part("AWS::ECS::*", "AWS::ApplicationAutoScaling::*").Golden(t, "service")
	api.Part("AWS::WAFv2::*").Golden(t, "firewall")
	network := api.Below("ApiNetworkVpc", "ApiNetworkInternetGateway", "ApiNetworkGatewayAttachment",
		"ApiNetworkPublic1",
		"ApiNetworkPrivate1", "ApiNetworkImported", "ApiNetworkFlowLog")
	network.Part("AWS::EC2::*").Golden(t, "network")
	cdktest.Golden(t, "policies.golden.txt", api.Policies())

	served := synth(t, everything).Below("Api")
	served.Part("AWS::Route53::*", "AWS::CertificateManager::*", "AWS::ElasticLoadBalancingV2::Listener").
		Golden(t, "domain")
}

func TestApiService_KeepsTheIdsOfWhatMustStay(t *testing.T) {
	template := synth(t, byDefault)
	for _, pinned := range []struct{ kind, prefix, id, loses string }{
		{"AWS::S3::Bucket", "ApiAccessLogs", "ApiAccessLogs50B185DB", "the access logs"},
		{"AWS::Logs::LogGroup", "ApiLogs", "ApiLogsCD139AD4", "the logs"},
		{"AWS::ElasticLoadBalancingV2::LoadBalancer", "Api", "ApiLoadBalancer9F78B8A1", "the address"},
		{"AWS::CloudFront::Distribution", "Api", "ApiDistribution2AD4699A", "the address"},
		{"AWS::EC2::VPC", "Api", "ApiNetworkVpc1DA7D9F4", "the network"},
	} {
		if got := template.Find(t, pinned.kind, pinned.prefix).ID; got != pinned.id {
			t.Errorf("%s is %s, not %s: a deployment would lose %s", pinned.kind, got, pinned.id, pinned.loses)
		}
	}
	bucket := template.Find(t, "AWS::S3::Bucket", "ApiAccessLogs")
	if bucket.Body["DeletionPolicy"] != "Retain" {
		t.Error("the access logs go with the stack")
	}
}

func TestApiService_PassesThePacksAndNamesEveryAction(t *testing.T) {
	for name, change := range map[string]change{
		"CloudFront, three zones": byDefault, "CloudFront, two zones": twoZones, "a domain, three zones": withDomain,
		"every prop, a domain and two zones": everything, "imported tables, settings and network": imported,
		"task after task": rolling,
	} {
		t.Run(name, func(t *testing.T) {
			out := synthIn(t, "eu-west-1", change, cdktest.Nag)
			suppressed := map[string]int{}
			for _, f := range out.Findings(t) {
				if !strings.HasPrefix(f.Resource, "Stack/Api/") && !strings.HasPrefix(f.Resource, "Stack/AWS679") {
					continue
				}
				if f.Reason == "" {
					t.Errorf("%s: %s: %s", f.Resource, f.Rule, f.Info)
				}
				suppressed[f.Pack]++
			}
			t.Logf("findings explained, by pack: %v", suppressed)
			out.LeastPrivilege(t)
			out.NoCircles(t)
		})
	}
}

func TestApiService_EveryPropChangesTheTemplate(t *testing.T) {
	var other apiservice.ApiServiceProps // what a change hands over, in every stack: only its use makes a difference
	base := func(stack awscdk.Stack) apiservice.ApiServiceProps {
		p := required(t)(stack)
		other = apiservice.ApiServiceProps{
			Tables:   storage.NewGlobalTables(stack, "OtherTables", &storage.GlobalTablesProps{Key: p.Key}),
			Uploads:  storage.NewUploads(stack, "OtherUploads", &storage.UploadsProps{Key: p.Key}),
			Settings: identity.ImportSettings(stack, "OtherSettings", "other", p.Key),
			Key:      storage.NewKey(stack, "OtherKey", nil).Key, Domain: domain(stack), Vpc: existing(stack),
		}
		return p
	}
	type props = apiservice.ApiServiceProps
	cdktest.EveryPropMatters(t, base,
		func(stack awscdk.Stack, p *props) { apiservice.NewApiService(stack, "Api", p) },
		map[string]change{
			"Tables":           func(_ awscdk.Stack, p *props) { p.Tables = other.Tables },
			"Uploads":          func(_ awscdk.Stack, p *props) { p.Uploads = other.Uploads },
			"Settings":         func(_ awscdk.Stack, p *props) { p.Settings = other.Settings },
			"SettingsRevision": func(_ awscdk.Stack, p *props) { p.SettingsRevision = "2" },
			"Leaving":          func(_ awscdk.Stack, p *props) { p.Leaving = true },
			"Key":              func(_ awscdk.Stack, p *props) { p.Key = other.Key },
			"Domain":           func(_ awscdk.Stack, p *props) { p.Domain = other.Domain },
			"AllowedOrigins":   func(_ awscdk.Stack, p *props) { p.AllowedOrigins = []string{"https://a.example.com"} },
			"Retention":        func(_ awscdk.Stack, p *props) { p.Retention = 24 * time.Hour },
			"UserPoolRegion":   func(_ awscdk.Stack, p *props) { p.UserPoolRegion = "us-east-1" },
			"IndexShards":      func(_ awscdk.Stack, p *props) { p.IndexShards = 9 },
			"FleetBuckets":     func(_ awscdk.Stack, p *props) { p.FleetBuckets = 9 },
			"Vpc":              func(_ awscdk.Stack, p *props) { p.Vpc = other.Vpc },
			"VpcCidr":          func(_ awscdk.Stack, p *props) { p.VpcCidr = "10.2.0.0/16" },
			"Zones":            func(_ awscdk.Stack, p *props) { p.Zones = 2 },
			"NatGateways":      func(_ awscdk.Stack, p *props) { p.NatGateways = 2 },
			"TasksMin":         func(_ awscdk.Stack, p *props) { p.TasksMin = 4 },
			"TasksMax":         func(_ awscdk.Stack, p *props) { p.TasksMax = 61 },
			"TaskCpu":          func(_ awscdk.Stack, p *props) { p.TaskCpu = 256 },
			"TaskMemoryMiB":    func(_ awscdk.Stack, p *props) { p.TaskMemoryMiB = 2048 },
			"SpotPercent":      func(_ awscdk.Stack, p *props) { p.SpotPercent = 50 },
			"Deployment":       func(_ awscdk.Stack, p *props) { p.Deployment = apiservice.Linear },
			"SmokeTestCredentials": func(stack awscdk.Stack, p *props) {
				p.SmokeTestCredentials = identity.ImportSmokeTest(stack, "OtherSmokeTest", "other", p.Key)
			},
			"SmokeTestName":    func(_ awscdk.Stack, p *props) { p.SmokeTestName = "try" },
			"SmokeTestCode":    func(_ awscdk.Stack, p *props) { p.SmokeTestCode = nil },
			"CpuTargetPercent": func(_ awscdk.Stack, p *props) { p.CpuTargetPercent = 61 },
			"RequestsPerTask":  func(_ awscdk.Stack, p *props) { p.RequestsPerTask = 1 },
			"Architecture":     func(_ awscdk.Stack, p *props) { p.Architecture = goasset.AMD64 },
			"Image": func(_ awscdk.Stack, p *props) {
				p.Image = awsecs.ContainerImage_FromRegistry(jsii.String("example.com/api:1"), nil)
			},
			"RequestLimit": func(_ awscdk.Stack, p *props) { p.RequestLimit = 10 },
			"FirewallLog":  func(_ awscdk.Stack, p *props) { p.FirewallLog = apiservice.FirewallLogAll },
			"LogRetention": func(_ awscdk.Stack, p *props) { p.LogRetention = awslogs.RetentionDays_ONE_DAY },
			"Disposable":   func(_ awscdk.Stack, p *props) { p.Disposable = true },
		})
}
