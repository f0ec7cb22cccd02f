package apiservice_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// environ is the environment of the task as the API's process gets it, with an address for what is known at deployment
// only.
func environ(t *testing.T, template cdktest.Template) []string {
	t.Helper()
	list := []string{contract.EnvRegion + "=eu-west-1"} // set by Fargate
	task := template.Only(t, "AWS::ECS::TaskDefinition")
	for _, key := range []string{"Environment", "Secrets"} {
		variables, _ := task.Property("ContainerDefinitions", 0, key).([]any)
		for _, v := range variables {
			name, _ := cdktest.At(v, "Name").(string)
			value, ok := cdktest.At(v, "Value").(string)
			if !ok {
				value = "https://later.example.com"
			}
			list = append(list, name+"="+value)
		}
	}
	return list
}

// TestApiService_GivesTheProgramWhatItReads holds both ends of the environment together.
func TestApiService_GivesTheProgramWhatItReads(t *testing.T) {
	cfg, err := config.LoadAPI(environ(t, synth(t, byDefault)))
	if err != nil {
		t.Error(err)
	}
	if cfg.TrustedProxies != 2 || cfg.PublicURL != "https://later.example.com" || cfg.Retention != 0 ||
		cfg.UserPoolRegion != "eu-west-1" ||
		cfg.MemoryLimitMiB != contract.TaskMemoryMiBDefault ||
		cfg.IndexShards != contract.IndexShardsDefault || cfg.FleetBuckets != contract.FleetBucketsDefault {
		t.Errorf("behind CloudFront the API reads %+v", cfg)
	}
	cfg, err = config.LoadAPI(environ(t, synth(t, everything)))
	if err != nil {
		t.Error(err)
	}
	if cfg.TrustedProxies != 1 || cfg.PublicURL != "https://api.example.com" || cfg.Retention != 90*24*time.Hour ||
		cfg.UserPoolRegion != "us-east-1" ||
		cfg.MemoryLimitMiB != 4096 || cfg.IndexShards != 16 || cfg.FleetBuckets != 32 ||
		!slices.Equal(cfg.AllowedOrigins, []string{"https://console.example.com", "https://other.example.com"}) {
		t.Errorf("under a domain the API reads %+v", cfg)
	}
}

func TestApiService_TakesSecretsFromSecretsManagerAlone(t *testing.T) {
	template := synth(t, byDefault)
	task := template.Only(t, "AWS::ECS::TaskDefinition")
	secret := template.Find(t, "AWS::SecretsManager::Secret", "IdentitySettings").ID
	secrets, _ := task.Property("ContainerDefinitions", 0, "Secrets").([]any)
	if len(secrets) != len(identity.SettingsFields()) {
		t.Errorf("the task has %d secrets, the settings %d fields", len(secrets), len(identity.SettingsFields()))
	}
	for _, s := range secrets {
		if cdktest.At(s, "ValueFrom", "Fn::Join", 1, 0, "Ref") != secret {
			t.Errorf("%v does not come from the settings", cdktest.At(s, "Name"))
		}
	}
	policy := cdktest.JSON(t, template.Find(t, "AWS::IAM::Policy", "ApiExecutionRole").Body)
	if !strings.Contains(policy, `"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"`) {
		t.Error("the role that starts tasks cannot decrypt the settings")
	}
	if strings.Count(policy, `"secretsmanager:`) != 1 || !strings.Contains(policy, `"secretsmanager:GetSecretValue"`) {
		t.Errorf("the role that starts tasks may do more with the settings than read them:\n%s", policy)
	}
}

// ECS must not replace tasks because a table or a bucket fails. So the checks of the load balancer and of the container
// ask for nothing outside of the task. Route 53 asks whether the region serves.
func TestApiService_ReplacesTasksThatDoNotLiveAndNoOthers(t *testing.T) {
	template := synth(t, everything)
	for _, group := range synth(t, byDefault).All("AWS::ElasticLoadBalancingV2::TargetGroup") {
		group.Want(t, "/healthz", "HealthCheckPath")
	}
	template.Only(t, "AWS::ECS::TaskDefinition").Want(t, "healthcheck", "ContainerDefinitions", 0, "HealthCheck",
		"Command", 2)
	template.Only(t, "AWS::Route53::HealthCheck").Want(t, "/readyz", "HealthCheckConfig", "ResourcePath")
}

// TestApiService_BuildsTheImage builds the program, which takes a minute where nothing is cached.
func TestApiService_BuildsTheImage(t *testing.T) {
	out := synthIn(t, "eu-west-1", func(_ awscdk.Stack, p *apiservice.ApiServiceProps) { p.Image = nil })
	files, err := filepath.Glob(filepath.Join(out.Dir, "asset.*", "Dockerfile"))
	if err != nil || len(files) != 1 {
		t.Fatalf("there are %d images: %v", len(files), err)
	}
	dockerfile, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	task := out.Template(t, "Stack").Only(t, "AWS::ECS::TaskDefinition")
	program := task.Text(t, "ContainerDefinitions", 0, "HealthCheck", "Command", 1)
	if !strings.Contains(string(dockerfile), `ENTRYPOINT ["`+program+`"]`) {
		t.Errorf("the health check runs %s, which the image does not:\n%s", program, dockerfile)
	}
	if user := task.Text(t, "ContainerDefinitions", 0, "User"); !strings.Contains(string(dockerfile), "USER "+user) {
		t.Errorf("the task runs as %s, the image not:\n%s", user, dockerfile)
	}
	task.Want(t, "ARM64", "RuntimePlatform", "CpuArchitecture")
	task.Want(t, true, "ContainerDefinitions", 0, "ReadonlyRootFilesystem")
	stop, _ := task.Property("ContainerDefinitions", 0, "StopTimeout").(float64)
	if time.Duration(stop)*time.Second <= contract.DrainTimeoutMax {
		t.Errorf("a task is killed after %v s, while it may drain for %v", stop, contract.DrainTimeoutMax)
	}
	pull := cdktest.JSON(t, out.Template(t, "Stack").Find(t, "AWS::IAM::Policy", "ApiExecutionRole").Body)
	if !strings.Contains(pull, "repository/cdk-") || strings.Count(pull, `"Resource": "*"`) != 1 {
		t.Errorf("the image is not pulled from its repository alone:\n%s", pull)
	}
}

func TestApiService_StartsTasksOnceTheyCan(t *testing.T) {
	template := synth(t, byDefault)
	service := template.Only(t, "AWS::ECS::Service")
	needs := cdktest.JSON(t, service.Body["DependsOn"])
	for _, needed := range []struct{ kind, prefix string }{
		{"AWS::ElasticLoadBalancingV2::Listener", "ApiLoadBalancerFromCloudFront"},
		{"AWS::IAM::Policy", "ApiExecutionRole"},
		{"AWS::EC2::Route", "ApiNetworkPrivate1"}, {"AWS::EC2::Route", "ApiNetworkPrivate2"},
		{"AWS::EC2::Route", "ApiNetworkPrivate3"},
		{"AWS::EC2::VPCEndpoint", "ApiNetworkImportedDynamoDB"},
	} {
		if id := template.Find(t, needed.kind, needed.prefix).ID; !strings.Contains(needs, `"`+id+`"`) {
			t.Errorf("the service does not wait for %s", id)
		}
	}
	service.Want(t, map[string]any{"Enable": true, "Rollback": true}, "DeploymentConfiguration",
		"DeploymentCircuitBreaker")
	service.Want(t, "ENABLED", "AvailabilityZoneRebalancing")
	service.Want(t, "DISABLED", "NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp")
	if n := service.Property("DesiredCount"); n != nil {
		t.Errorf("every deployment sets the number of tasks back to %v", n)
	}
	template.Only(t, "AWS::ApplicationAutoScaling::ScalableTarget").Want(t, apiservice.TasksMinDefault, "MinCapacity")
}

func TestApiService_KeepsTheLeastOffSpot(t *testing.T) {
	for percent, want := range map[int][]any{
		0: {map[string]any{"CapacityProvider": "FARGATE", "Base": 3, "Weight": 100}},
		70: {
			map[string]any{"CapacityProvider": "FARGATE", "Base": 3, "Weight": 30},
			map[string]any{"CapacityProvider": "FARGATE_SPOT", "Weight": 70},
		},
		100: {
			map[string]any{"CapacityProvider": "FARGATE", "Base": 3, "Weight": 1},
			map[string]any{"CapacityProvider": "FARGATE_SPOT", "Weight": 100},
		},
	} {
		template := synth(t, func(_ awscdk.Stack, p *apiservice.ApiServiceProps) { p.SpotPercent = percent })
		template.Only(t, "AWS::ECS::Service").Want(t, want, "CapacityProviderStrategy")
	}
}

// TestApiService_LetsOnlyTheLoadBalancerIn reads from the security groups who may connect.
func TestApiService_LetsOnlyTheLoadBalancerIn(t *testing.T) {
	template := synth(t, byDefault)
	tasks := template.Find(t, "AWS::EC2::SecurityGroup", "ApiTaskSecurityGroup")
	balancer := template.Find(t, "AWS::EC2::SecurityGroup", "ApiLoadBalancerSecurityGroup")
	for _, group := range []cdktest.Resource{tasks, balancer} {
		if in := group.Property("SecurityGroupIngress"); in != nil {
			t.Errorf("%s lets in %v", group.ID, in)
		}
	}
	rules := template.All("AWS::EC2::SecurityGroupIngress")
	if len(rules) != 2 {
		t.Fatalf("there are %d rules", len(rules))
	}
	toBalancer, toTasks := rules[0], rules[1]
	toBalancer.Want(t, balancer.ID, "GroupId", "Fn::GetAtt", 0)
	toBalancer.Want(t, []any{template.Only(t, "Custom::SensorFlowLookup").ID, "PrefixLists.0.PrefixListId"},
		"SourcePrefixListId", "Fn::GetAtt")
	toTasks.Want(t, tasks.ID, "GroupId", "Fn::GetAtt", 0)
	toTasks.Want(t, balancer.ID, "SourceSecurityGroupId", "Fn::GetAtt", 0)
	tasks.Want(t, []any{map[string]any{
		"CidrIp":      "0.0.0.0/0",
		"Description": "AWS services over HTTPS",
		"IpProtocol":  "tcp",
		"FromPort":    443,
		"ToPort":      443,
	}}, "SecurityGroupEgress")
}

func TestApiService_PlacesSubnetsWhereFargateAndVpcOriginsWork(t *testing.T) {
	for region, want := range map[string][]string{
		"us-east-1": {"use1-az1", "use1-az2", "use1-az4"},
		"us-west-1": {"usw1-az1", "usw1-az3"}, // no third one, also when nothing is asked for
	} {
		var zones []string
		template := synthIn(t, region, byDefault).Template(t, "Stack")
		for _, subnet := range template.All("AWS::EC2::Subnet") {
			if subnet.Property("AvailabilityZone") != nil {
				t.Errorf("%s: %s has both, an id and a name of its zone", region, subnet.ID)
			}
			zones = append(zones, subnet.Text(t, "AvailabilityZoneId"))
		}
		if len(zones) != 2*len(want) || !slices.Equal(zones[:len(want)], want) ||
			!slices.Equal(zones[len(want):], want) {
			t.Errorf("%s: private and public subnets are in %v", region, zones)
		}
	}
	template := synth(t, byDefault)
	template.Find(t, "AWS::EC2::Subnet", "ApiNetworkPrivate3").Want(t, map[string]any{
		"Fn::Select": []any{2, map[string]any{"Fn::GetAZs": ""}},
	}, "AvailabilityZone")
	template.Find(t, "AWS::EC2::Subnet", "ApiNetworkPrivate3").Want(t, "10.0.192.0/19", "CidrBlock")
	if n := len(template.All("AWS::EC2::NatGateway")); n != apiservice.NatGatewaysDefault {
		t.Errorf("there are %d NAT gateways", n)
	}
}

// A stack without a region serves in any region. Its user is told that the zones are not chosen.
func TestApiService_WarnsWhereTheRegionIsUnknown(t *testing.T) {
	app := cdktest.NewApp(t)
	id := "Stack"
	stack := awscdk.NewStack(app, &id, nil)
	props := required(t)(stack)
	apiservice.NewApiService(stack, "Api", &props)
	warnings := cdktest.Synth(t, app).Warnings(t)
	if len(warnings) != 1 || !strings.Contains(warnings[0], "sensorflow:zones") {
		t.Errorf("the warnings are %q", warnings)
	}
}

func TestApiService_UsesAnExistingNetwork(t *testing.T) {
	template := synth(t, imported)
	made := template.Part("AWS::EC2::VPC", "AWS::EC2::FlowLog", "AWS::EC2::NatGateway").All("")
	if n := len(made); n != 0 {
		t.Errorf("%d resources of a network of its own are made beside", n)
	}
	template.Only(t, "AWS::ECS::Service").Want(t, []string{"subnet-3", "subnet-4"}, "NetworkConfiguration",
		"AwsvpcConfiguration", "Subnets")
	template.Only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer").Want(t, []string{"subnet-3", "subnet-4"}, "Subnets")
}
