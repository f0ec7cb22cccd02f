package synth_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/stacks"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// stateful are the types whose replacement loses data, people or the keys to read them.
func stateful() []string {
	return []string{
		"AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient", "AWS::Cognito::UserPoolDomain",
		"AWS::Cognito::UserPoolGroup",
		"AWS::DynamoDB::GlobalTable", "AWS::KMS::Key",
		"AWS::KMS::ReplicaKey", "AWS::S3::Bucket", "AWS::SecretsManager::Secret",
	}
}

// keepStatefulResources holds logical ids: another id is another resource, without the content of the old one.
func keepStatefulResources(t *testing.T, all []stack) {
	var lines []string
	for _, s := range all {
		if s.Stage != "" || s.isPipeline() {
			continue
		}
		for _, kind := range stateful() {
			for _, r := range s.Template.All(kind) {
				lines = append(lines, fmt.Sprintf("%s %s %s %v", s.Name, kind, r.ID, r.Body["DeletionPolicy"]))
			}
		}
	}
	cdktest.Golden(t, "stateful.golden.txt", strings.Join(lines, "\n")+"\n")
}

// grantDeletingByName holds the clients of machines to the scopes that the configuration gives them.
func grantDeletingByName(t *testing.T, all []stack) {
	at := slices.IndexFunc(all, func(s stack) bool { return s.Stage == "" && s.Name == "SensorFlow-two-state" })
	server := map[string]any{"Ref": all[at].Template.Only(t, "AWS::Cognito::UserPoolResourceServer").ID}
	for name, scopes := range map[string][]string{"gateway": {"/read", "/write"}, "report": {"/read", "/admin"}} {
		var want []any
		for _, scope := range scopes {
			want = append(want, map[string]any{"Fn::Join": []any{"", []any{server, scope}}})
		}
		all[at].Template.Find(t, "AWS::Cognito::UserPoolClient", "IdentityMachineClient"+name).Want(t, want, "AllowedOAuthScopes")
	}
}

// referToTheirOwnRegion checks that no stack is tied to a stack in another region. A stack may read an output of
// another one while it is deployed: that binds neither. It must be deployed after the other one then, and the output
// must be one of those that never change.
func referToTheirOwnRegion(t *testing.T, all []stack) {
	exports := map[string]stack{}
	outputs := map[string]bool{} // by the artifact of their stack
	for _, s := range all {
		made, _ := s.Template["Outputs"].(map[string]any)
		for id, output := range made {
			outputs[strings.Join([]string{s.ID, s.Region, s.Name, id}, "/")] = true
			if name, ok := cdktest.At(output, "Export", "Name").(string); ok {
				exports[name] = s
			}
		}
	}
	read := map[string]int{}
	for _, s := range all {
		text := cdktest.JSON(t, s.Template)
		if strings.Contains(text, "Custom::CrossRegion") || strings.Contains(text, "/cdk/exports/") {
			t.Errorf("%s passes values between regions", s.Name)
		}
		for _, name := range valuesOf(map[string]any(s.Template), "Fn::ImportValue") {
			if from := exports[name.(string)]; from.Region != s.Region {
				t.Errorf("%s in %s imports %q of %q in %s", s.Name, s.Region, name, from.Name, from.Region)
			}
		}
		for _, asked := range valuesOf(map[string]any(s.Template), "Fn::GetStackOutput") {
			region, name, id := cdktest.At(asked, "Region"), cdktest.At(asked, "StackName"), cdktest.At(asked, "OutputName")
			if !slices.ContainsFunc(s.Needs, func(need string) bool {
				return outputs[fmt.Sprintf("%v/%v/%v/%v", need, region, name, id)]
			}) {
				t.Errorf("%s reads %v of %v in %v; it waits for %v", s.Name, id, name, region, s.Needs)
			}
			read[fmt.Sprint(id)]++
		}
		if strings.Contains(text, "{{resolve:") {
			t.Errorf("%s has a dynamic reference", s.Name)
		}
	}
	if len(read) != 2 || read["PrimaryKeyArn"] < 4 || read["ReplicatedUserPoolId"] < 3 {
		t.Errorf("read are %v", read)
	}
}

// valuesOf collects what stands below a key, wherever it is.
func valuesOf(value any, key string) (found []any) {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			found = append(found, valuesOf(v, key)...)
		}
	case map[string]any:
		if v, ok := value[key]; ok {
			return []any{v}
		}
		for _, v := range value {
			found = append(found, valuesOf(v, key)...)
		}
	}
	return found
}

func areDeployedInOrder(t *testing.T, all []stack) {
	for _, s := range all {
		if s.Stage != "" || !strings.HasPrefix(s.Name, "SensorFlow-three-") {
			continue
		}
		var want []string
		switch suffix := strings.TrimPrefix(s.Name, "SensorFlow-three-"); {
		case suffix == "keys-eu-west-1":
		case strings.HasPrefix(suffix, "keys-"):
			want = []string{"SensorFlow-three-keys-eu-west-1"}
		case suffix == "state":
			want = []string{
				"SensorFlow-three-keys-eu-central-1", "SensorFlow-three-keys-eu-west-1",
				"SensorFlow-three-keys-us-east-1",
			}
		default:
			want = []string{"SensorFlow-three-keys-" + suffix, "SensorFlow-three-state"}
		}
		slices.Sort(s.Needs)
		if !slices.Equal(s.Needs, want) {
			t.Errorf("%s needs %v, want %v", s.Name, s.Needs, want)
		}
	}
}

func lookNothingUp(t *testing.T, all []stack) {
	for _, s := range all {
		if len(s.Missing) > 0 && string(s.Missing) != "null" && string(s.Missing) != "[]" {
			t.Errorf("%s cannot be synthesized without credentials: %s", s.Name, s.Missing)
		}
	}
}

// sayNothing keeps the screen free for what a task has to say: the CDK's command line prints what constructs warn of
// whenever it synthesizes. What is warned of is changed, or answered where it is made.
func sayNothing(t *testing.T, out *cdktest.Assembly) {
	for _, warning := range out.Warnings(t) {
		t.Error(warning)
	}
}

// CloudFormation's limits (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const (
	templateBytesMax = 1 << 20
	resourcesMax     = 500
	outputsMax       = 200
)

func fitIntoCloudFormation(t *testing.T, all []stack) {
	for _, s := range all {
		resources := len(s.Template.All(""))
		outputs, _ := s.Template["Outputs"].(map[string]any)
		if s.Bytes > templateBytesMax || resources > resourcesMax || len(outputs) > outputsMax {
			t.Errorf("%s has %d bytes, %d resources and %d outputs", s.Name, s.Bytes, resources, len(outputs))
		}
		if s.Stage == "" {
			t.Logf("%-36s %3d resources, %3d kB", s.Name, resources, s.Bytes>>10)
		}
	}
}

// areTheSameBelowAStage holds what the pipeline needs to take over an environment that was deployed from a command
// line: the resources have the same ids, and those that keep data are exactly the same. Tags and descriptions in which
// the CDK writes the path of a construct may differ.
func areTheSameBelowAStage(t *testing.T, all []stack) {
	compared := 0
	for _, below := range all {
		if below.Stage == "" {
			continue
		}
		at := slices.IndexFunc(all, func(s stack) bool { return s.Stage == "" && s.Name == below.Name })
		if at < 0 {
			t.Errorf("%s is not below the App", below.Name)
			continue
		}
		compared++
		here, there := all[at].Template.All(""), below.Template.All("")
		if a, b := ids(here), ids(there); !slices.Equal(a, b) {
			a, b = without(a, b), without(b, a)
			t.Errorf("%s has below the stage %s\n%v\nand below the App\n%v", below.Name, below.Stage, b, a)
			continue
		}
		for i, r := range here {
			if slices.Contains(stateful(), r.Type) &&
				cdktest.JSON(t, r.Body["Properties"]) != cdktest.JSON(t, there[i].Body["Properties"]) {
				t.Errorf("%s: %s differs below the stage %s", below.Name, r.ID, below.Stage)
			}
		}
	}
	if compared < 8 {
		t.Errorf("only %d stacks were compared", compared)
	}
}

// without lists those of the texts that are not among others.
func without(texts, others []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return slices.Contains(others, text) })
}

func ids(resources []cdktest.Resource) []string {
	list := make([]string, len(resources))
	for i, r := range resources {
		list[i] = r.Type + " " + r.ID
	}
	return list
}

// plain returns the resources without metadata, on which CloudFormation does not act.
func plain(template cdktest.Template) map[string]any {
	resources := map[string]any{}
	for _, r := range template.All("") {
		body := maps.Clone(r.Body)
		delete(body, "Metadata")
		resources[r.ID] = body
	}
	return resources
}

// stayWhenARegionComes synthesizes the environment once more as it was before its third region.
func stayWhenARegionComes(t *testing.T, all []stack) {
	app := cdktest.NewApp(t)
	stacks.NewApp(app, load(t, threeBefore, ""))
	for _, before := range read(t, cdktest.Synth(t, app).Dir) {
		if before.Name == "SensorFlow-three-state" {
			continue // where the new replicas are
		}
		at := slices.IndexFunc(all, func(s stack) bool { return s.Stage == "" && s.Name == before.Name })
		if at < 0 {
			t.Errorf("%s is gone", before.Name)
			continue
		}
		if a, b := cdktest.JSON(t, plain(before.Template)), cdktest.JSON(t, plain(all[at].Template)); a != b {
			t.Errorf("%s changes with a third region", before.Name)
		}
	}
}

// TestFlags_AreThoseThatTheTestsUse makes sure that the tests look at the templates that are deployed.
func TestFlags_AreThoseThatTheTestsUse(t *testing.T) {
	var project struct{ Context map[string]json.RawMessage }
	var tests map[string]json.RawMessage
	for path, into := range map[string]any{
		filepath.Join("..", "..", "cdk.json"): &project, filepath.Join("..", "cdktest", "flags.json"): &tests,
	} {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatal(err)
		}
	}
	delete(project.Context, "sensorflow")
	if a, b := cdktest.JSON(t, project.Context), cdktest.JSON(t, tests); a != b {
		t.Errorf("cdk.json has\n%s\ntest/cdktest/flags.json has\n%s", a, b)
	}
}

// tellWhereTheyAre holds the outputs that the README, the pipeline's smoke test and people rely on.
func tellWhereTheyAre(t *testing.T, all []stack) {
	told := 0
	for _, s := range all {
		var want []string
		switch suffix := strings.TrimPrefix(s.Name, "SensorFlow-two-"); {
		case suffix == s.Name || strings.HasPrefix(suffix, "keys-"):
			continue
		case s.Region == "eu-west-1" && strings.HasPrefix(suffix, "state"):
			want = []string{"TokenUrl", "UserPoolId"}
		case suffix == s.Region:
			want = []string{"ApiUrl", "RegionUrl"}
		}
		for _, name := range want {
			told++
			if cdktest.At(s.Template["Outputs"], name, "Value") == nil || cdktest.At(s.Template["Outputs"], name, "Export") != nil {
				t.Errorf("%s has no output %s, or exports it", s.Name, name)
			}
		}
	}
	if told < 6 {
		t.Errorf("only %d outputs were looked for", told)
	}
}
