package apiservice_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestApiService_SaysWhatIsWrongWithItsProps(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", "eu-west-1")
	valid := required(t)(stack)
	named, network, isolated, private := domain(stack), existing(stack), without(stack, "Isolated"),
		without(stack, "Private", "subnet-3", "subnet-4")
	type props = apiservice.ApiServiceProps
	cdktest.Refuses(t, valid,
		cdktest.Row("rejects nothing at all", func(p *props) { *p = props{} },
			"Tables is required; give storage.NewGlobalTables or storage.ImportGlobalTables\n"+
				"Uploads is required; give storage.NewUploads\n"+
				"Settings is required; give the Settings of identity.NewIdentity or what identity.ImportSettings "+
				"returns\n"+
				"Key is required; give the Key of storage.NewKey or storage.NewReplicaKey"),
		cdktest.Row("rejects a domain without a name and a zone", func(p *props) { p.Domain = &apiservice.Domain{} },
			"Domain.Name must be set to a domain name in lower case of at most 64 characters, such as "+
				"api.example.com\n"+
				"Domain.HostedZone is required; give the public zone that holds Domain.Name"),
		cdktest.Row("rejects capitals, which a browser's origin never has",
			func(p *props) { p.Domain = &apiservice.Domain{Name: "API.example.com", HostedZone: named.HostedZone} },
			`Domain.Name must be a domain name in lower case of at most 64 characters, `+
				`such as api.example.com, got "API.example.com"`),
		cdktest.Row("rejects another zone's name",
			func(p *props) { p.Domain = &apiservice.Domain{Name: "api.myexample.com", HostedZone: named.HostedZone} },
			`Domain.Name must lie in the hosted zone example.com, got "api.myexample.com"`),
		cdktest.Row("the zone itself",
			func(p *props) { p.Domain = &apiservice.Domain{Name: "example.com", HostedZone: named.HostedZone} }, ""),
		cdktest.Row("rejects a name that no certificate has",
			func(p *props) {
				p.Domain = &apiservice.Domain{
					Name: strings.Repeat("a", 53) + ".example.com", HostedZone: named.HostedZone,
				}
			},
			"Domain.Name must be a domain name in lower case of at most 64 characters, such as api.example.com, got \""+
				strings.Repeat("a", 53)+".example.com\""),
		cdktest.Row("rejects what is no origin",
			func(p *props) { p.AllowedOrigins = []string{"https://a.example.com", "*"} },
			`AllowedOrigins[1] must be an origin such as https://app.example.com, `+
				`or http://localhost:3000 for this machine, got "*"`),
		cdktest.Row("rejects less than a day", func(p *props) { p.Retention = 30 * time.Minute },
			"Retention must be at least 24h, got 30m; leave it out to keep readings for ever"),
		cdktest.Row("rejects what is no region", func(p *props) { p.UserPoolRegion = "Ireland" },
			rule.Region("UserPoolRegion", "Ireland").Error()),
		cdktest.Row("rejects an unknown way to deploy", func(p *props) { p.Deployment = "blue" },
			`Deployment must be one of canary, linear, rolling, got "blue"; `+
				"leave it out for canary, or rolling where everything is disposable"),
		cdktest.Row("rejects an unknown firewall log", func(p *props) { p.FirewallLog = "counted" },
			`FirewallLog must be one of refused, all, got "counted"; leave it out for refused`),
		cdktest.Row("rejects a name that Lambda has not", func(p *props) { p.SmokeTestName = "a try" },
			`SmokeTestName must be 1 to 64 letters, digits and hyphens, beginning with a letter, got "a try"`),
		cdktest.Row("rejects a name of no smoke test", func(p *props) {
			p.SmokeTestName, p.SmokeTestCredentials = "try", nil
		}, "SmokeTestName must be left out without SmokeTestCredentials; there is no smoke test without them"),
		cdktest.Row("rejects numbers out of range", func(p *props) {
			p.TasksMin, p.TasksMax, p.SpotPercent, p.CpuTargetPercent, p.RequestsPerTask, p.RequestLimit = 5, 4, 101, 9,
				-1, 9
			p.IndexShards, p.FleetBuckets = 257, -1
		}, "IndexShards must be 1 to 256, got 257; leave it out for 8\n"+
			"FleetBuckets must be 1 to 256, got -1; leave it out for 8\n"+
			"TasksMax must be at least TasksMin, 5, got 4; leave it out for 60\n"+
			"SpotPercent must be 0 to 100, got 101; leave it out for 0\n"+
			"CpuTargetPercent must be 10 to 90, got 9; leave it out for 60\n"+
			"RequestsPerTask must be 1 to 1000000, got -1; leave it out for 30000\n"+
			"RequestLimit must be 10 to 2000000000, got 9; leave it out for 6000"),
		cdktest.Row("more tasks than the default's most", func(p *props) { p.TasksMin = 100 }, ""),
		cdktest.Row("rejects too many tasks", func(p *props) { p.TasksMin = 1001 },
			"TasksMin must be 1 to 1000, got 1001; leave it out for 3"),
		cdktest.Row("rejects a size that Fargate has not", func(p *props) { p.TaskCpu = 300 },
			"TaskCpu must be one of 256, 512, 1024, 2048, 4096, 8192, 16384, got 300; leave it out for 512"),
		cdktest.Row("rejects a pair that Fargate has not", func(p *props) { p.TaskCpu = 2048 },
			"TaskMemoryMiB must be 4096 to 16384 in steps of 1024 with a TaskCpu of 2048, got 1024"),
		cdktest.Row("rejects memory that requests in flight can exceed",
			func(p *props) { p.TaskCpu, p.TaskMemoryMiB = 256, 512 },
			"TaskMemoryMiB must be 1024 to 2048 in steps of 1024 with a TaskCpu of 256, got 512"),
		cdktest.Row("rejects a network of isolated subnets", func(p *props) { p.Vpc = isolated },
			"Vpc must have private subnets with a way out, got none; the tasks run in them and call AWS"),
		cdktest.Row("private subnets alone", func(p *props) { p.Vpc = private }, ""),
		cdktest.Row("rejects private subnets alone with a domain", func(p *props) { p.Vpc, p.Domain = private, named },
			"Vpc must have public subnets with a Domain, got none; the load balancer stands in them"),
		cdktest.Row("rejects a network beside an existing one", func(p *props) { p.Vpc, p.Zones = network, 2 },
			"Zones must be left out with Vpc; it is for a new network"),
		cdktest.Row("rejects what is no network", func(p *props) { p.VpcCidr, p.Zones = "10.0.0.1/16", 4 },
			"VpcCidr must be a private IPv4 range of /16 to /22 such as 10.0.0.0/16, got \"10.0.0.1/16\"\n"+
				"Zones must be 2 or 3, got 4; leave it out for 3"),
		cdktest.Row("rejects addresses of others",
			func(p *props) { p.VpcCidr, p.Zones, p.NatGateways = "172.32.0.0/16", 2, 3 },
			"VpcCidr must be a private IPv4 range of /16 to /22 such as 10.0.0.0/16, got \"172.32.0.0/16\"; private "+
				"are 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16\n"+
				"NatGateways must be 1 to Zones, here 2, got 3; leave it out for 1"),
		cdktest.Row("the last private network", func(p *props) { p.VpcCidr = "172.31.0.0/16" }, ""),
		cdktest.Row("rejects a processor that is none", func(p *props) { p.Architecture = goasset.Architecture(7) },
			"Architecture must be goasset.ARM64 or goasset.AMD64, got Architecture(7)"),
	)
}

// without is a network with isolated subnets, without public ones, and with private ones where they are named.
func without(stack awscdk.Stack, id string, private ...string) awsec2.IVpc {
	attributes := &awsec2.VpcAttributes{
		VpcId: jsii.String("vpc-2"), AvailabilityZones: jsii.Strings("eu-west-1a", "eu-west-1b"),
		IsolatedSubnetIds:           jsii.Strings("subnet-5", "subnet-6"),
		IsolatedSubnetRouteTableIds: jsii.Strings("rtb-5", "rtb-6"),
	}
	if len(private) > 0 {
		attributes.PrivateSubnetIds, attributes.PrivateSubnetRouteTableIds = jsii.Strings(private...),
			jsii.Strings("rtb-3", "rtb-4")
	}
	return awsec2.Vpc_FromVpcAttributes(stack, &id, attributes)
}

func TestApiService_RefusesWithItsPath(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Prod", "us-west-1")
	props := required(t)(stack)
	props.Zones, props.TasksMax = 3, -1
	cdktest.RefusesToBuild(t, "Prod/Api: TasksMax must be 1 to 1000, got -1; leave it out for 60\n"+
		"Zones must be 2 in us-west-1, which has no more, got 3; leave it out for 2",
		func() { apiservice.NewApiService(stack, "Api", &props) })
	got := cdktest.Panic(t, func() { apiservice.NewApiService(stack, "Api", nil) })
	if !strings.HasPrefix(got, "Prod/Api: Tables is required") {
		t.Errorf("got %q", got)
	}
	if id := "Api"; stack.Node().TryFindChild(&id) != nil {
		t.Error("something was made before it was refused")
	}
}
