package goasset_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/goasset"
	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

func synth(t *testing.T, a goasset.Architecture) *cdktest.Assembly {
	t.Helper()
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	awslambda.NewFunction(stack, jsii.String("Function"), &awslambda.FunctionProps{
		Runtime: awslambda.Runtime_PROVIDED_AL2023(), Handler: jsii.String(gobuild.FunctionBinary),
		Architecture: a.Function(), Code: goasset.LambdaCode("aggregator", a),
	})
	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), &awsecs.FargateTaskDefinitionProps{
		RuntimePlatform: &awsecs.RuntimePlatform{
			CpuArchitecture: a.Task(), OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX(),
		},
	})
	task.AddContainer(jsii.String("Api"), &awsecs.ContainerDefinitionOptions{Image: goasset.ContainerImage("api", a)})
	return cdktest.Synth(t, app)
}

func TestAssets_NeedNoDockerAndAreNamedByTheirContent(t *testing.T) {
	t.Setenv("CDK_DOCKER", "/nowhere/docker") // what the CDK would call
	one, again, other := synth(t, goasset.ARM64), synth(t, goasset.ARM64), synth(t, goasset.AMD64)
	key := func(out *cdktest.Assembly) string {
		return out.Template(t, "Stack").Only(t, "AWS::Lambda::Function").Text(t, "Code", "S3Key")
	}
	image := func(out *cdktest.Assembly) string {
		return out.Template(t, "Stack").Only(t, "AWS::ECS::TaskDefinition").
			Text(t, "ContainerDefinitions", 0, "Image", "Fn::Sub")
	}
	if key(one) != key(again) || image(one) != image(again) {
		t.Error("the same program has two hashes")
	}
	if key(one) == key(other) || image(one) == image(other) {
		t.Error("two programs have the same hash")
	}
	staged := filepath.Join(one.Dir, "asset."+strings.TrimSuffix(key(one), ".zip"), gobuild.FunctionBinary)
	info, err := os.Stat(staged)
	if err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("the function's program is %v, %v", info, err)
	}
}

func TestAssets_NameTheArchitecture(t *testing.T) {
	for _, c := range []struct {
		architecture             goasset.Architecture
		function, task, platform string
	}{
		{goasset.ARM64, "arm64", "ARM64", "linux/arm64"},
		{goasset.AMD64, "x86_64", "X86_64", "linux/amd64"},
	} {
		out := synth(t, c.architecture)
		out.Template(t, "Stack").Only(t, "AWS::Lambda::Function").Want(t, c.function, "Architectures", 0)
		out.Template(t, "Stack").Only(t, "AWS::ECS::TaskDefinition").
			Want(t, c.task, "RuntimePlatform", "CpuArchitecture")
		assets, err := os.ReadFile(filepath.Join(out.Dir, "Stack.assets.json"))
		if err != nil || !strings.Contains(string(assets), `"platform": "`+c.platform+`"`) {
			t.Errorf("the image's platform is not %s: %s, %v", c.platform, assets, err)
		}
	}
}

func TestArchitecture_Validates(t *testing.T) {
	for a, want := range map[goasset.Architecture]string{
		goasset.ARM64: "<nil>",
		goasset.AMD64: "<nil>",
		2:             "Architecture must be goasset.ARM64 or goasset.AMD64, got Architecture(2)",
	} {
		got := "<nil>"
		if err := a.Validate(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v: %s, want %s", a, got, want)
		}
	}
}

func TestLambdaCode_RefusesUnknownCommands(t *testing.T) {
	got := cdktest.Panic(t, func() { goasset.LambdaCode("nothing", goasset.ARM64) })
	want := "build runtime/cmd/nothing for linux/arm64: there is no such command; the module has "
	if !strings.HasPrefix(got, want) {
		t.Errorf("it said %s", got)
	}
}
