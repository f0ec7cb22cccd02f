package sensorflow_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// prebuilt are props that build nothing, which takes seconds.
func prebuilt(t *testing.T) *sensorflow.SensorFlowProps {
	return &sensorflow.SensorFlowProps{
		AggregatorCode: cdktest.LambdaCode(t), CsvProcessorCode: cdktest.LambdaCode(t),
		RepairerCode: cdktest.LambdaCode(t), AuditorCode: cdktest.LambdaCode(t), ApiImage: image(),
		SmokeTestCode: cdktest.LambdaCode(t),
	}
}

func image() awsecs.ContainerImage {
	return awsecs.ContainerImage_FromRegistry(jsii.String("example.com/api:1"), nil)
}

// whole are types of which a complete service has some.
func whole() []string {
	return []string{
		"AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::Cognito::UserPool", "AWS::SecretsManager::Secret",
		"AWS::KMS::Key",
		"AWS::Lambda::EventSourceMapping", "AWS::SQS::Queue", "AWS::EC2::VPC", "AWS::ECS::Service",
		"AWS::WAFv2::WebACL",
		"AWS::CloudFront::Distribution", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard",
	}
}

// TestSensorFlow_IsWholeWithoutProps makes it with nil props, below an App and below a Stage, in stacks that know their
// region and that do not, and twice in one.
func TestSensorFlow_IsWholeWithoutProps(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	agnostic := awscdk.NewStack(app, jsii.String("Agnostic"), nil)
	sensorflow.NewSensorFlow(agnostic, "SensorFlow", nil)
	explicit := cdktest.NewStack(app, "Explicit", "eu-west-1")
	sensorflow.NewSensorFlow(explicit, "One", nil)
	sensorflow.NewSensorFlow(explicit, "Two", prebuilt(t))
	stage := awscdk.NewStage(app, jsii.String("Prod"), nil)
	cdktest.AddPacks(stage)
	staged := awscdk.NewStack(stage, jsii.String("Staged"), nil)
	sensorflow.NewSensorFlow(staged, "SensorFlow", prebuilt(t))
	out := cdktest.Synth(t, app)
	for name, flows := range map[string]int{"Agnostic": 1, "Explicit": 2, *staged.ArtifactId(): 1} {
		template := out.Template(t, name)
		for _, kind := range whole() {
			if n := len(template.All(kind)); n < flows {
				t.Errorf("%s has %d of %s", name, n, kind)
			}
		}
		for _, r := range template.All("") {
			for _, property := range []string{
				"TableName", "BucketName", "QueueName", "SecretName", "FunctionName", "LoadBalancerName",
			} {
				text, physical := r.Property(property).(string)
				if physical && r.Type != "AWS::Lambda::EventSourceMapping" {
					t.Errorf("%s: %s has the physical name %s: a second one in the account could not be made", name,
						r.ID, text)
				}
			}
		}
		if outputs, _ := template["Outputs"].(map[string]any); len(outputs) > 0 {
			t.Errorf("%s has outputs, which are for the stack's owner to make: %v", name, outputs)
		}
	}
	below, above := out.Template(t, *staged.ArtifactId()).All(""), out.Template(t, "Agnostic").All("")
	if len(below) != len(above) {
		t.Errorf("below a stage there are %d resources, below the app %d", len(below), len(above))
	}
	out.NoFindings(t)
	out.LeastPrivilege(t)
	out.NoCircles(t)
}

// TestSensorFlow_SaysEverythingAtOnce gives props that each part would refuse, and gets one panic before any part
// exists.
func TestSensorFlow_SaysEverythingAtOnce(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", "eu-west-1")
	sentence := cdktest.Panic(t, func() {
		sensorflow.NewSensorFlow(stack, "SensorFlow", &sensorflow.SensorFlowProps{
			Retention:      30 * 60e9,
			TasksMin:       2000,
			TasksMax:       1001,
			Zones:          4,
			VpcCidr:        "10.0.0.0/8",
			IndexShards:    1000,
			CsvConcurrency: 1,
			StreamLanes:    11,
			Adopted:        []string{"eu-west-1"},
			AllowedOrigins: []string{"example.com"}, AlarmEmails: []string{"nobody"}, UserPoolRegion: "eu-west-1",
			MachineClients: []identity.MachineClient{{Name: "a machine"}}, Architecture: 7,
		})
	})
	sentence, prefixed := strings.CutPrefix(sentence, "Stack/SensorFlow: ")
	lines := strings.Split(sentence, "\n")
	want := "Retention must be at least 24h, got 30m; leave it out to keep readings for ever"
	if !prefixed || !slices.Contains(lines, want) {
		t.Errorf("got %q (with the path: %v), want %q", lines, prefixed, want)
	}
	for _, field := range []string{
		"UserPoolRegion", "AlarmEmails[0]", "AllowedOrigins[0]", "MachineClients[0].Name", "TasksMin", "TasksMax",
		"Zones", "VpcCidr", "IndexShards",
		"CsvConcurrency", "StreamLanes", "Architecture", "Adopted[0]",
	} {
		if n := strings.Count("\n"+sentence, "\n"+field+" "); n != 1 {
			t.Errorf("%s is named %d times in:\n%s", field, n, sentence)
		}
	}
	if stack.Node().TryFindChild(jsii.String("SensorFlow")) != nil {
		t.Error("something was made before the props were refused")
	}
}

func TestSensorFlow_RejectsWhatDoesNotGoTogether(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	key := storage.NewKey(stack, "Key", nil).Key
	tables := storage.NewGlobalTables(stack, "Tables", &storage.GlobalTablesProps{Key: key})
	settings := identity.ImportSettings(stack, "Settings", "Flow", key)
	parameter := *awscdk.NewCfnParameter(stack, jsii.String("Email"), nil).ValueAsString()
	type props = sensorflow.SensorFlowProps
	cdktest.Refuses(t, props{},
		cdktest.Row("rejects tables without their key", func(p *props) { p.Tables = tables },
			"Key is required with Tables or Settings; give the one that they are encrypted with"),
		cdktest.Row("rejects a second factor of another's pool",
			func(p *props) { p.Key, p.Settings, p.Mfa = key, settings, identity.MfaOptional },
			"Mfa must be left out with Settings; it is for a new user pool"),
		cdktest.Row("rejects the revision of settings that are not given", func(p *props) { p.SettingsRevision = "1" },
			"SettingsRevision goes with Settings alone; that of a new user pool is known"),
		cdktest.Row("rejects a network and how to make one", func(p *props) { p.Vpc, p.Zones = vpc(stack), 2 },
			"Zones must be left out with Vpc; it is for a new network"),
		cdktest.Row("settings with a region of their pool",
			func(p *props) { p.Key, p.Settings, p.UserPoolRegion = key, settings, "us-east-1" }, ""),
		cdktest.Row("the shortest retention", func(p *props) { p.Retention = 24 * time.Hour }, ""),
		cdktest.Row("an address that is not known yet", func(p *props) { p.AlarmEmails = []string{parameter} }, ""),
	)
}

func vpc(stack awscdk.Stack) awsec2.IVpc {
	ids := func(kind string) *[]*string { return jsii.Strings("subnet-"+kind+"1", "subnet-"+kind+"2") }
	return awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Vpc"), &awsec2.VpcAttributes{
		VpcId:             jsii.String("vpc-1"),
		VpcCidrBlock:      jsii.String("10.9.0.0/16"),
		AvailabilityZones: jsii.Strings("eu-west-1a", "eu-west-1b"),
		PublicSubnetIds:   ids("public"), PrivateSubnetIds: ids("private"),
	})
}

func pool(stack awscdk.Stack) awscognito.IUserPool {
	return awscognito.UserPool_FromUserPoolId(stack, jsii.String("Pool"), jsii.String("eu-west-1_AbCdEfGhI"))
}

func domain(stack awscdk.Stack) awscognito.IUserPoolDomain {
	return awscognito.UserPoolDomain_FromDomainName(stack, jsii.String("PoolDomain"), jsii.String("acme"))
}

// TestSensorFlow_EveryPropMatters sets each prop in turn.
func TestSensorFlow_EveryPropMatters(t *testing.T) {
	type props = sensorflow.SensorFlowProps
	set := func(change func(*props)) func(awscdk.Stack, *props) {
		return func(_ awscdk.Stack, p *props) { change(p) }
	}
	withKey := func(change func(awscdk.Stack, *props)) func(awscdk.Stack, *props) {
		return func(stack awscdk.Stack, p *props) {
			p.Key = storage.NewKey(stack, "OwnKey", nil).Key
			change(stack, p)
		}
	}
	cdktest.EveryPropMatters(t,
		func(awscdk.Stack) props { return *prebuilt(t) },
		func(stack awscdk.Stack, p *props) { sensorflow.NewSensorFlow(stack, "SensorFlow", p) },
		map[string]func(awscdk.Stack, *props){
			"Retention": set(func(p *props) { p.Retention = 24 * 3600e9 }),
			"Domain": func(stack awscdk.Stack, p *props) {
				p.Domain = &apiservice.Domain{
					Name: "api.example.com", HostedZone: awsroute53.NewPublicHostedZone(stack, jsii.String("Zone"),
						&awsroute53.PublicHostedZoneProps{ZoneName: jsii.String("example.com")}),
				}
			},
			"AllowedOrigins":    set(func(p *props) { p.AllowedOrigins = []string{"https://example.com"} }),
			"RequestLimit":      set(func(p *props) { p.RequestLimit = 100 }),
			"Vpc":               func(stack awscdk.Stack, p *props) { p.Vpc = vpc(stack) },
			"VpcCidr":           set(func(p *props) { p.VpcCidr = "10.7.0.0/16" }),
			"Zones":             set(func(p *props) { p.Zones = 2 }),
			"NatGateways":       set(func(p *props) { p.NatGateways = 3 }),
			"TasksMin":          set(func(p *props) { p.TasksMin = 4 }),
			"TasksMax":          set(func(p *props) { p.TasksMax = 5 }),
			"TaskCpu":           set(func(p *props) { p.TaskCpu, p.TaskMemoryMiB = 1024, 2048 }),
			"TaskMemoryMiB":     set(func(p *props) { p.TaskMemoryMiB = 2048 }),
			"SpotPercent":       set(func(p *props) { p.SpotPercent = 50 }),
			"Deployment":        set(func(p *props) { p.Deployment = apiservice.Linear }),
			"CpuTargetPercent":  set(func(p *props) { p.CpuTargetPercent = 50 }),
			"RequestsPerTask":   set(func(p *props) { p.RequestsPerTask = 1000 }),
			"CsvConcurrency":    set(func(p *props) { p.CsvConcurrency = 7 }),
			"Adopted":           set(func(p *props) { p.Adopted = []string{"us-east-1"} }),
			"StreamLanes":       set(func(p *props) { p.StreamLanes = 2 }),
			"AggregationWindow": set(func(p *props) { p.AggregationWindow = processing.NoAggregationWindow }),
			"FirewallLog":       set(func(p *props) { p.FirewallLog = apiservice.FirewallLogAll }),
			"MachineClients":    set(func(p *props) { p.MachineClients = []identity.MachineClient{{Name: "gateway"}} }),
			"Mfa":               set(func(p *props) { p.Mfa = identity.MfaOptional }),
			"AlarmEmails":       set(func(p *props) { p.AlarmEmails = []string{"ada@example.com"} }),
			"Alarms":            set(func(p *props) { p.Alarms.Latency.Disabled = true }),
			"IndexShards":       set(func(p *props) { p.IndexShards = 16 }),
			"FleetBuckets":      set(func(p *props) { p.FleetBuckets = 16 }),
			"LogRetention":      set(func(p *props) { p.LogRetention = awslogs.RetentionDays_ONE_YEAR }),
			"Architecture":      set(func(p *props) { p.Architecture = goasset.AMD64 }),
			"ApiImage":          set(func(p *props) { p.ApiImage = nil }),
			"AggregatorCode":    set(func(p *props) { p.AggregatorCode = nil }),
			"CsvProcessorCode":  set(func(p *props) { p.CsvProcessorCode = nil }),
			"RepairerCode":      set(func(p *props) { p.RepairerCode = nil }),
			"AuditorCode":       set(func(p *props) { p.AuditorCode = nil }),
			"SmokeTestCode":     set(func(p *props) { p.SmokeTestCode = nil }),
			"SmokeTestName":     set(func(p *props) { p.SmokeTestName = "try" }),
			"Key":               withKey(func(awscdk.Stack, *props) {}),
			"Tables": withKey(func(stack awscdk.Stack, p *props) {
				p.Tables = storage.ImportGlobalTables(stack, "Tables",
					&storage.ImportGlobalTablesProps{Name: "Flow", Key: p.Key})
			}),
			"UploadsBucket": func(stack awscdk.Stack, p *props) {
				p.UploadsBucket = awss3.Bucket_FromBucketName(stack, jsii.String("Files"), jsii.String("acme-files"))
			},
			"UserPool":       func(stack awscdk.Stack, p *props) { p.UserPool = pool(stack) },
			"UserPoolDomain": func(stack awscdk.Stack, p *props) { p.UserPool, p.UserPoolDomain = pool(stack), domain(stack) },
			"UserPoolIssuer": func(stack awscdk.Stack, p *props) {
				p.UserPool, p.UserPoolIssuer = pool(stack), "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI"
			},
			"Settings": withKey(func(stack awscdk.Stack, p *props) {
				p.Settings = identity.ImportSettings(stack, "Settings", "Flow", p.Key)
			}),
			"SmokeTestCredentials": withKey(func(stack awscdk.Stack, p *props) {
				p.Settings = identity.ImportSettings(stack, "Settings", "Flow", p.Key)
				p.SmokeTestCredentials = identity.ImportSmokeTest(stack, "SmokeTest", "Flow", p.Key)
			}),
			"SettingsRevision": withKey(func(stack awscdk.Stack, p *props) {
				p.Settings, p.SettingsRevision = identity.ImportSettings(stack, "Settings", "Flow", p.Key), "2"
			}),
			"Leaving": set(func(p *props) { p.Leaving = true }),
			"UserPoolRegion": withKey(func(stack awscdk.Stack, p *props) {
				p.Settings, p.UserPoolRegion = identity.ImportSettings(stack, "Settings", "Flow", p.Key), "us-east-1"
			}),
			"Disposable": set(func(p *props) { p.Disposable = true }),
		})
}

func TestSensorFlow_GrantsReadingAndCredentials(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	flow := sensorflow.NewSensorFlow(stack, "SensorFlow", prebuilt(t))
	role := func(id string) awsiam.Role {
		return awsiam.NewRole(stack, &id,
			&awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("ec2.amazonaws.com"), nil)})
	}
	flow.GrantReadTables(role("Report"))
	flow.GrantMachineCredentials(identity.DefaultMachineClient, role("Gateway"))
	flow.MetricAggregationLag(nil).CreateAlarm(stack, jsii.String("Stale"),
		&awscloudwatch.CreateAlarmOptions{Threshold: jsii.Number(30_000), EvaluationPeriods: jsii.Number(3)})
	key := storage.NewKey(stack, "OwnKey", nil).Key
	props := prebuilt(t)
	props.Key, props.Settings = key, identity.ImportSettings(stack, "Settings", "Flow", key)
	other := sensorflow.NewSensorFlow(stack, "Other", props)
	sentence := cdktest.Panic(t, func() { other.GrantMachineCredentials("machine", role("Lost")) })
	if !strings.HasPrefix(sentence, "Stack/Other: ") {
		t.Errorf("panicked with %q", sentence)
	}
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	report := cdktest.JSON(t, template.Find(t, "AWS::IAM::Policy", "Report").Body)
	for _, want := range []string{"dynamodb:Query", "kms:Decrypt", "/index/byInterval"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report may not %s: %s", want, report)
		}
	}
	if strings.Contains(report, "Write") || strings.Contains(report, "Update") || strings.Contains(report, "Put") {
		t.Errorf("the report may write: %s", report)
	}
	gateway := cdktest.JSON(t, template.Find(t, "AWS::IAM::Policy", "Gateway").Body)
	if !strings.Contains(gateway, "secretsmanager:GetSecretValue") || strings.Contains(gateway, "dynamodb") {
		t.Errorf("the gateway's policy is %s", gateway)
	}
	out.NoCircles(t)
}
