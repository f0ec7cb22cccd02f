package stacks_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/stacks"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// commandsOf are the commands of the build of a project, as its shell gets them.
func commandsOf(t *testing.T, template cdktest.Template, prefix string) []string {
	t.Helper()
	var spec struct {
		Phases struct{ Build struct{ Commands []string } }
	}
	text := cdktest.Listed(template.Find(t, "AWS::CodeBuild::Project", prefix).Property("Source", "BuildSpec"))
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return spec.Phases.Build.Commands
}

// fake is a folder of programs that write down how they were called.
func fake(t *testing.T, programs map[string]string) (dir, calls string) {
	t.Helper()
	dir = t.TempDir()
	calls = filepath.Join(dir, "calls")
	for name, body := range programs {
		script := "#!/bin/sh\necho \"$(basename $0) $*\" >> " + calls + "\n" + body + "\n"
		mode := os.FileMode(0o755)
		if strings.Contains(name, "/") {
			mode = 0o644 // in an artifact, which need not keep modes
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir, calls
}

// brought are the programs that the first step puts into the assembly, which do as they are told here.
func brought(cdk, assets string) map[string]string {
	return map[string]string{
		"programs/cdk/bin/cdk": cdk, "programs/cdk-assets/bin/cdk-assets": assets,
		"programs/publisher/bin/publisher": "", "npm": "exit 1", "docker": "exit 1",
	}
}

// run runs commands as CodeBuild does: in one shell, until one fails.
func run(t *testing.T, dir string, commands []string, environ ...string) error {
	t.Helper()
	var script strings.Builder
	for _, c := range commands {
		script.WriteString(c + "\n[ $? -eq 0 ] || exit 1\n")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + dir + ":" + os.Getenv("PATH"), "CODEBUILD_SRC_DIR=" + dir}, environ...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	return err
}

func calls(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPipeline_LooksForDriftBeforeItDeploys runs the commands of the step with programs that answer as AWS does.
func TestPipeline_LooksForDriftBeforeItDeploys(t *testing.T) {
	app := cdktest.NewApp(t)
	stacks.NewPipeline(app, load(t, dev+","+prod, pipeline))
	template := cdktest.Synth(t, app).Template(t, stacks.PipelineName)
	of := map[string][]string{
		"prod": commandsOf(t, template, "PipelineprodDrift"), "dev": commandsOf(t, template, "PipelinedevDrift"),
	}
	const keys = `case $* in *assume-role*) echo "KEY SIGNING SESSION" ;; `
	for name, c := range map[string]struct {
		environment, aws, cdk string
		fails                 bool
		called                []string
	}{
		"nothing has changed": {"prod", keys + "esac", "", false, []string{
			"cdk drift --app assembly-SensorFlow-pipeline-prod --fail **/SensorFlow-prod-state",
			"cdk drift --app assembly-SensorFlow-pipeline-prod **/SensorFlow-prod-eu-central-1",
			"--stack-name SensorFlow-prod-eu-central-1 --stack-resource-drift-status-filters MODIFIED DELETED",
			"role/cdk-hnb659fds-lookup-role-111122223333-eu-central-1",
		}},
		"a table has changed":    {"prod", keys + "esac", `case $* in *state*) exit 1 ;; esac`, true, nil},
		"a resource has changed": {"prod", keys + `*resource-drifts*) echo SensorFlowApiLogs ;; esac`, "", true, nil},
		"there is nothing yet": {
			"prod", keys + `*describe-stacks*) echo "Stack with id x does not exist" >&2; exit 254 ;; esac`, "exit 1",
			false, nil,
		},
		"AWS refuses to tell":      {"prod", keys + `*describe-stacks*) echo AccessDenied >&2; exit 254 ;; esac`, "", true, nil},
		"the role is not there":    {"prod", "exit 254", "", true, nil},
		"rolling, nothing changed": {"dev", keys + "esac", "", false, []string{"--fail **/SensorFlow-dev-eu-west-1"}},
		"rolling, something changed": {
			"dev", keys + "esac", `case $* in *dev-eu-west-1*) exit 1 ;; esac`, true, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			programs := brought(c.cdk, "exit 1")
			programs["aws"] = c.aws
			dir, file := fake(t, programs)
			err := run(t, dir, of[c.environment])
			if (err != nil) != c.fails {
				t.Errorf("it ends with %v", err)
			}
			got := calls(t, file)
			for _, want := range c.called {
				if !strings.Contains(got, want) {
					t.Errorf("it does not call %s:\n%s", want, got)
				}
			}
		})
	}
	policy := template.Find(t, "AWS::IAM::Policy", "PipelineprodDrift")
	text := cdktest.JSON(t, policy.Body)
	if !strings.Contains(text, "lookup-role-111122223333-eu-west-1") || strings.Contains(text, "deploy-role") {
		t.Errorf("the step may assume other roles than the two that look up: %s", text)
	}
}

// TestPipeline_PublishesWithoutDocker runs the commands of the builds that the CDK's library makes.
func TestPipeline_PublishesWithoutDocker(t *testing.T) {
	app := cdktest.NewApp(t)
	stacks.NewPipeline(app, load(t, dev, pipeline))
	template := cdktest.Synth(t, app).Template(t, stacks.PipelineName)
	for project, want := range map[string]string{
		"PipelineAssetsDockerAsset1":   "cdk-assets --path assembly-SensorFlow-pipeline-dev/",
		"PipelineAssetsFileAsset1":     "cdk-assets --path assembly-SensorFlow-pipeline-dev/",
		"PipelineUpdatePipelineSelfMu": "cdk -a . deploy SensorFlow-pipeline --require-approval=never",
	} {
		commands := commandsOf(t, template, project)
		dir, file := fake(t, brought("", `"$CDK_DOCKER" push it`))
		copyManifests(t, *app.Outdir(), dir)
		if err := run(t, dir, commands); err != nil {
			t.Errorf("%s ends with %v", project, err)
		}
		got := calls(t, file)
		if !strings.Contains(got, want) {
			t.Errorf("%s does not call %s:\n%s", project, want, got)
		}
		if strings.Contains(want, "cdk-assets") && !strings.Contains(got, "publisher push it") {
			t.Errorf("%s lets another program publish images:\n%s", project, got)
		}
	}
}

// copyManifests copies the asset manifests of an assembly.
func copyManifests(t *testing.T, from, to string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(from, "*.assets.json"))
	nested, nestedErr := filepath.Glob(filepath.Join(from, "assembly-*", "*.assets.json"))
	if err != nil || nestedErr != nil || len(nested) == 0 {
		t.Fatalf("%d manifests: %v, %v", len(nested), err, nestedErr)
	}
	for _, file := range append(found, nested...) {
		name, err := filepath.Rel(from, file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPipeline_ManifestsAreReadByTheirPublisher runs the program that the pipeline runs, on what the CDK has synthesized.
// The library and the program are released apart.
func TestPipeline_ManifestsAreReadByTheirPublisher(t *testing.T) {
	app := cdktest.NewApp(t)
	stacks.NewPipeline(app, load(t, dev, pipeline))
	template := cdktest.Synth(t, app).Template(t, stacks.PipelineName)
	commands := commandsOf(t, template, "PipelineAssetsFileAsset1")
	dir := t.TempDir()
	copyManifests(t, *app.Outdir(), dir)
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	bring := exec.CommandContext(t.Context(), "make", "-C", filepath.Join("..", ".."), "pipeline-programs")
	bring.Env = append(os.Environ(), "ASSEMBLY="+dir)
	if out, err := bring.CombinedOutput(); err != nil {
		t.Fatalf("bring the programs: %v\n%s", err, out)
	}
	last := &commands[len(commands)-1]
	reads, asset, found := strings.Cut(*last, "--verbose publish ")
	if !found {
		t.Fatalf("the publisher is called in another way: %s", *last)
	}
	*last = reads + "ls | grep -F " + asset // publishing takes AWS, and infra/operate tries it
	if err := run(t, dir, commands); err != nil {
		t.Errorf("the publisher does not find the asset: %v", err)
	}
}

// TestPipeline_TriesARegionUntilItHasAnAnswer runs the commands of the step with a function that answers.
func TestPipeline_TriesARegionUntilItHasAnAnswer(t *testing.T) {
	app := cdktest.NewApp(t)
	stacks.NewPipeline(app, load(t, dev+","+prod, pipeline))
	template := cdktest.Synth(t, app).Template(t, stacks.PipelineName)
	commands := commandsOf(t, template, "PipelineprodSensorFlowprodeuwest1Smoke")
	const ready = `case $* in *readyz*) echo '{"status":"ready"}' ;; *) printf 401 ;; esac`
	answer := func(status string) string { return `echo '{"hookStatus":"` + status + `"}' > answer.json` }
	for name, c := range map[string]struct {
		curl, aws string
		fails     bool
	}{
		"a region that serves":         {ready, answer("SUCCEEDED"), false},
		"a region that does not":       {ready, answer("FAILED"), true},
		"a region that is not ready":   {`echo '{"status":"unready"}'`, answer("SUCCEEDED"), true},
		"a region without a door":      {`case $* in *readyz*) echo '{"status":"ready"}' ;; *) printf 200 ;; esac`, answer("SUCCEEDED"), true},
		"a function that fails":        {ready, `echo '{"errorMessage":"x"}' > answer.json`, true},
		"a function that is not there": {ready, "exit 254", true},
		"one that needs a while": {ready, `if grep -q moment event.json; then ` + answer("SUCCEEDED") +
			`; else echo '{"hookStatus":"IN_PROGRESS","callBackDelay":10,"hookDetails":{"moment":"2026-11-26T05:00:00Z"}}' > answer.json; fi`, false},
		"one that is never done": {ready, answer("IN_PROGRESS"), true},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := fake(t, map[string]string{"aws": c.aws, "curl": c.curl})
			err := run(t, dir, commands, "REGION_URL=https://eu-west-1.example.com", "PAUSE=0")
			if (err != nil) != c.fails {
				t.Errorf("it ends with %v", err)
			}
		})
	}
	policy := template.Find(t, "AWS::IAM::Policy", "PipelineprodSensorFlowprodeuwest1Smoke")
	if text := cdktest.JSON(t, policy.Body); strings.Count(text, "lambda:InvokeFunction") != 1 ||
		!strings.Contains(text, ":lambda:eu-west-1:111122223333:function:SensorFlow-prod-smoketest") {
		t.Errorf("the step may invoke something else: %s", text)
	}
}
