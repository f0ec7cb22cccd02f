package stacks_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/stacks"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

const (
	dev      = `"dev":{"account":"111122223333","regions":["eu-west-1"],"disposable":true}`
	prod     = `"prod":{"account":"111122223333","regions":["eu-west-1","eu-central-1"],"approval":true}`
	apart    = `"prod":{"account":"444455556666","regions":["eu-west-1","eu-central-1"]}`
	pipeline = `"pipeline":{"connectionArn":"arn:aws:codeconnections:eu-west-1:111122223333:connection/0a-1b","repository":"acme/sensorflow","branch":"release"}`
)

func load(t *testing.T, environments, more string) config.Config {
	t.Helper()
	c, err := config.Load([]byte(`{"sensorflow":{"environments":{`+environments+`},`+more+`}}`), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stages lists the pipeline's actions by stage, in the order in which they run.
func stages(t *testing.T, template cdktest.Template) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	list, _ := template.Only(t, "AWS::CodePipeline::Pipeline").Property("Stages").([]any)
	for _, stage := range list {
		name, _ := cdktest.At(stage, "Name").(string)
		actions, _ := cdktest.At(stage, "Actions").([]any)
		slices.SortStableFunc(actions, func(a, b any) int {
			return int(cdktest.At(a, "RunOrder").(float64) - cdktest.At(b, "RunOrder").(float64))
		})
		for _, action := range actions {
			all[name] = append(all[name], cdktest.At(action, "Name").(string))
		}
		all[""] = append(all[""], name)
	}
	return all
}

// TestPipeline_TestsThenDeploysRegionByRegion reads the order of everything from the template.
func TestPipeline_TestsThenDeploysRegionByRegion(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stacks.NewPipeline(app, load(t, dev+","+prod, pipeline))
	out := cdktest.Synth(t, app)
	template := out.Template(t, stacks.PipelineName)
	got := stages(t, template)
	if want := []string{"Source", "Build", "UpdatePipeline", "Assets", "dev", "prod"}; !slices.Equal(got[""], want) {
		t.Errorf("the stages are %v, want %v", got[""], want)
	}
	want := []string{"Drift-prod", "Approve-prod"}
	for _, step := range []string{
		"keys-eu-west-1.Prepare", "keys-eu-west-1.Deploy", "keys-eu-central-1.Prepare", "keys-eu-central-1.Deploy",
		"state.Prepare", "state.Review-prod-state", "state.Deploy",
		"eu-west-1.Prepare", "eu-west-1.Review-prod-eu-west-1", "eu-west-1.Deploy", "eu-west-1.Smoke-prod-eu-west-1",
		"eu-central-1.Prepare", "eu-central-1.Review-prod-eu-central-1", "eu-central-1.Deploy",
		"eu-central-1.Smoke-prod-eu-central-1",
	} {
		want = append(want, "SensorFlow-prod-"+step)
	}
	if !slices.Equal(got["prod"], want) {
		t.Errorf("prod is deployed by\n%s\nwant\n%s", strings.Join(got["prod"], "\n"), strings.Join(want, "\n"))
	}
	if text := fmt.Sprint(got["dev"]); strings.Contains(text, "Approve") || strings.Contains(text, "Review") {
		t.Errorf("dev waits for a person: %v", got["dev"])
	}
	// Actions of a stage that run at once would not stop each other.
	seen := map[any]bool{}
	list, _ := template.Only(t, "AWS::CodePipeline::Pipeline").Property("Stages", 5, "Actions").([]any)
	for _, action := range list {
		if order := cdktest.At(action, "RunOrder"); seen[order] {
			t.Errorf("two actions of prod run at once, as number %v", order)
		} else {
			seen[order] = true
		}
	}
	pipe := template.Only(t, "AWS::CodePipeline::Pipeline")
	pipe.Want(t, "V2", "PipelineType")
	source := map[string]any{
		"ConnectionArn":    "arn:aws:codeconnections:eu-west-1:111122223333:connection/0a-1b",
		"FullRepositoryId": "acme/sensorflow",
		"BranchName":       "release", "DetectChanges": true,
	}
	pipe.Want(t, source, "Stages", 0, "Actions", 0, "Configuration")
	out.NoFindings(t)
	out.LeastPrivilege(t)
	out.NoCircles(t)
	checkProjects(t, template)
	cdktest.Golden(t, "policies.golden.txt", template.Policies())
}

// checkProjects looks at what the builds do, and that they bring no program of a version that nobody chose.
func checkProjects(t *testing.T, template cdktest.Template) {
	t.Helper()
	commands := map[string]string{}
	for _, project := range template.All("AWS::CodeBuild::Project") {
		commands[project.ID] = project.Text(t, "Source", "BuildSpec")
		if strings.Contains(commands[project.ID], "@latest") || strings.Contains(commands[project.ID], "npm install") {
			t.Errorf("%s installs what nobody has compared with a hash: %s", project.ID, commands[project.ID])
		}
		project.Want(t, "ARM_CONTAINER", "Environment", "Type") // on which the programs are built
		project.Want(t, stacks.BuildImage, "Environment", "Image")
		project.Want(t, false, "Environment", "PrivilegedMode")
	}
	spec := commands[template.Find(t, "AWS::CodeBuild::Project", "PipelineBuildTestAndSynth").ID]
	at := -1
	for _, command := range []string{
		`"make check"`, `"make test"`, `"make synth VALIDATE=yes"`, `"make pipeline-programs"`,
	} {
		next := strings.Index(spec, command)
		if next <= at {
			t.Errorf("%s is not run, or too early: %s", command, spec)
		}
		at = next
	}
	build := cdktest.JSON(t, template.Only(t, "AWS::CodePipeline::Pipeline").Body) + spec +
		cdktest.JSON(t, template.Find(t, "AWS::CodeBuild::Project", "PipelineBuildTestAndSynth").Property("Environment"))
	for _, want := range []string{"n " + stacks.NodeVersion, "GOTOOLCHAIN", "go" + stacks.GoVersion, "go version |"} {
		if !strings.Contains(build, want) {
			t.Errorf("what builds is not pinned by %s: %s", want, spec)
		}
	}
	// The day of the release: without it, the same name means another image one day.
	if ok, err := regexp.MatchString(`^aws/codebuild/[a-z0-9-]+:3\.0-\d\d\.\d\d\.\d\d$`, stacks.BuildImage); !ok || err != nil {
		t.Errorf("the image of the builds is not pinned: %s, %v", stacks.BuildImage, err)
	}
	smoke := commands[template.Find(t, "AWS::CodeBuild::Project", "PipelineprodSensorFlowprodeucentral1Smoke").ID]
	for _, want := range []string{
		"--fail", "/readyz", `status\":\"ready`, "401", ":lambda:eu-central-1:111122223333:function:SensorFlow-prod-smoketest",
	} {
		if !strings.Contains(smoke, want) {
			t.Errorf("the smoke test lacks %s: %s", want, smoke)
		}
	}
}

// TestPipeline_DeploysToAnotherAccount needs keys that roles of the other account may use, in each region.
func TestPipeline_DeploysToAnotherAccount(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stacks.NewPipeline(app, load(t, dev+","+apart, pipeline))
	out := cdktest.Synth(t, app)
	key := cdktest.JSON(t, out.Template(t, stacks.PipelineName).Only(t, "AWS::KMS::Key").Property("KeyPolicy"))
	if !strings.Contains(key, "444455556666") {
		t.Errorf("the other account may not read the artifacts: %s", key)
	}
	// The smoke tests of each region are invoked from the pipeline's account.
	for _, region := range []string{"euwest1", "eucentral1"} {
		named := func(stack string) bool { return strings.Contains(stack, "prodSensorFlowprod"+region) }
		i := slices.IndexFunc(out.Stacks(), named)
		if i < 0 {
			t.Fatalf("there is no stack of %s among %q", region, out.Stacks())
		}
		var allowed []string
		for _, p := range out.Template(t, out.Stacks()[i]).All("AWS::Lambda::Permission") {
			if principal, _ := p.Property("Principal").(string); strings.Contains(principal, "111122223333") {
				allowed = append(allowed, cdktest.JSON(t, p.Property("FunctionName")))
			}
		}
		if len(allowed) != 1 || !strings.Contains(allowed[0], "SmokeTest") {
			t.Errorf("in %s the pipeline's account may invoke %q", region, allowed)
		}
	}
	out.NoFindings(t)
}
