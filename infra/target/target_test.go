package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	dev      = `"dev":{"regions":["eu-west-1","eu-central-1"]}`
	prod     = `"prod":{"account":"444455556666","regions":["us-east-1","eu-west-1"]}`
	pipeline = `"pipeline":{"connectionArn":"arn:aws:codeconnections:eu-west-1:111122223333:connection/0a","repository":"acme/sensorflow"}`
)

// ask returns what the program prints and how it ends, on a machine with these variables and files.
func ask(task, question string, variables, files map[string]string) (string, error) {
	var out strings.Builder
	r := request{
		task:   task,
		getenv: func(key string) string { return variables[key] },
		readFile: func(name string) ([]byte, error) {
			if text, ok := files[name]; ok {
				return []byte(text), nil
			}
			return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
		},
	}
	err := r.answer(&out, question)
	return out.String(), err
}

func cdkJSON(environments, more string) map[string]string {
	return map[string]string{
		"cdk.json": `{"context":{"sensorflow":{"environments":{` + environments + `}` + more + `}}}`,
	}
}

func TestChoose_TakesWhatIsWanted(t *testing.T) {
	for name, c := range map[string]struct {
		task         string
		variables    map[string]string
		environments string
		want         string
	}{
		"the only environment": {"deploy", nil, dev, "dev SensorFlow-dev-*"},
		"one of two": {
			"deploy", map[string]string{"ENV": "prod"}, dev + "," + prod, "prod SensorFlow-prod-*",
		},
		"a region": {
			"destroy", map[string]string{"ENV": "prod", "REGION": "us-east-1"}, dev + "," + prod,
			"prod SensorFlow-prod-us-east-1",
		},
		"a region of the only": {
			"diff", map[string]string{"REGION": "eu-central-1"}, dev, "dev SensorFlow-dev-eu-central-1",
		},
		"the cost of the pipeline": {
			"cost", map[string]string{"ENV": "pipeline"}, dev, "pipeline SensorFlow-pipeline",
		},
		"the pipeline": {
			"deploy", map[string]string{"ENV": "pipeline"}, dev, "pipeline SensorFlow-pipeline",
		},
		"the pipeline in all its regions": {
			"destroy", map[string]string{"ENV": "pipeline", "ACCOUNT": "111122223333"}, dev, "pipeline SensorFlow-pipeline*",
		},
		"the account that cdk.json has": {
			"deploy", map[string]string{"ENV": "prod", "ACCOUNT": "444455556666"}, dev + "," + prod, "prod SensorFlow-prod-*",
		},
		"a region to roll back": {
			"rollback", map[string]string{"ENV": "dev", "REGION": "eu-west-1"}, dev, "dev SensorFlow-dev-eu-west-1",
		},
		"everything to synthesize": {"synth", map[string]string{"REGION": "us-east-1"}, dev + "," + prod, " SensorFlow-*"},
		"one to look at beforehand": {
			"preflight", map[string]string{"ENV": "dev", "AWS_PROFILE": ""}, dev + "," + prod, "dev SensorFlow-dev-*",
		},
		"one to synthesize": {
			"synth", map[string]string{"ENV": "dev"}, dev + "," + prod, "dev SensorFlow-dev-*",
		},
	} {
		variables := map[string]string{"AWS_PROFILE": "mine"}
		for key, value := range c.variables {
			variables[key] = value
		}
		got, err := ask(c.task, "choose", variables, cdkJSON(c.environments, ","+pipeline))
		if err != nil || got != c.want+"\n" {
			t.Errorf("%s: got %q, error %v, want %q", name, got, err, c.want)
		}
	}
}

func TestChoose_SaysWhatIsWrong(t *testing.T) {
	both := dev + "," + prod
	for name, c := range map[string]struct {
		task      string
		variables map[string]string
		files     map[string]string
		want      string
	}{
		"no cdk.json": {
			"deploy", nil, nil, "read the configuration: open cdk.json: file does not exist",
		},
		"a wrong cdk.json": {
			"deploy", nil, cdkJSON(`"dev":{"regions":["mars"]}`, ""),
			"the configuration in cdk.json is wrong:\nenvironments.dev.regions[0] must be one of af-south-1",
		},
		"which of two": {
			"deploy", nil, cdkJSON(both, ""), "say which environment: make deploy ENV=… is one of dev, prod",
		},
		"a third of two": {
			"deploy", map[string]string{"ENV": "test"}, cdkJSON(both, ","+pipeline),
			`ENV must be one of dev, prod, pipeline, as cdk.json has them, got "test"`,
		},
		"another's region": {
			"deploy", map[string]string{"ENV": "dev", "REGION": "us-east-1"}, cdkJSON(both, ""),
			`REGION must be one of eu-west-1, eu-central-1, the regions of dev in cdk.json, got "us-east-1"`,
		},
		"a region of the pipeline": {
			"deploy", map[string]string{"ENV": "pipeline", "REGION": "eu-west-1"}, cdkJSON(both, ","+pipeline),
			`REGION must be left out with ENV=pipeline, got "eu-west-1"`,
		},
		"a region of nobody": {
			"synth", map[string]string{"REGION": "mars"}, cdkJSON(both, ""),
			"REGION must be one of eu-central-1, eu-west-1, us-east-1, the regions of all environments in cdk.json, got \"mars\"",
		},
		"a pipeline to roll back": {
			"rollback", map[string]string{"ENV": "pipeline", "REGION": "eu-west-1"}, cdkJSON(both, ","+pipeline),
			`ENV must be one of dev, prod, as cdk.json has them, got "pipeline"`,
		},
		"the region of the user pool": {
			"detach", map[string]string{"ENV": "dev", "REGION": "eu-west-1"}, cdkJSON(both, ""),
			`REGION must be one of eu-central-1, the regions beside the first of dev in cdk.json, got "eu-west-1"`,
		},
		"no region to detach from": {
			"detach", map[string]string{"ENV": "dev"}, cdkJSON(both, ""),
			"say which region: make detach ENV=dev REGION=… is one of eu-central-1, the regions beside the first of dev in cdk.json",
		},
		"no region beside the first": {
			"detach", map[string]string{"REGION": "eu-west-1"}, cdkJSON(`"dev":{"regions":["eu-west-1"]}`, ""),
			"dev has one region, which has the user pool itself and no replica of it",
		},
		"no region to roll back": {
			"rollback", map[string]string{"ENV": "dev"}, cdkJSON(both, ""),
			"say which region: make rollback ENV=dev REGION=… is one of eu-west-1, eu-central-1, the regions of dev in cdk.json",
		},
		"a region to roll back that is none": {
			"rollback", map[string]string{"ENV": "dev", "REGION": "mars"}, cdkJSON(both, ""),
			`REGION must be one of eu-west-1, eu-central-1, the regions of dev in cdk.json, got "mars"`,
		},
		"another account": {
			"deploy", map[string]string{"ENV": "prod", "ACCOUNT": "111122223333"}, cdkJSON(both, ""),
			`ACCOUNT must be 444455556666, as environments.prod.account in cdk.json says, got "111122223333"; leave it out`,
		},
		"no pipeline": {
			"deploy", map[string]string{"ENV": "pipeline"}, cdkJSON(both, ""),
			`ENV must be one of dev, prod, as cdk.json has them, got "pipeline"`,
		},
		"an account that is none": {
			"synth", map[string]string{"ACCOUNT": "1"}, cdkJSON(both, ""),
			`ACCOUNT must be an account number of 12 digits, got "1"`,
		},
		"no account": {"synth", nil, cdkJSON(both+`,"test":{"regions":["eu-west-1"]}`, ""),
			"environments.dev.account, environments.test.account must be set in cdk.json to an account number of 12 " +
				"digits; or name it once: make synth ACCOUNT=111122223333"},
		"no account of one": {
			"destroy", map[string]string{"ENV": "dev", "REGION": "eu-west-1"}, cdkJSON(both, ""),
			"environments.dev.account must be set in cdk.json to an account number of 12 digits; or name it once: " +
				"make destroy ENV=dev REGION=eu-west-1 ACCOUNT=111122223333",
		},
		"no account of any": {
			"synth", map[string]string{"ENV": "pipeline"}, cdkJSON(both, ","+pipeline),
			"environments.dev.account must be set in cdk.json",
		},
		"no credentials": {
			"deploy", map[string]string{"ENV": "prod"}, cdkJSON(both, ""),
			"no AWS credentials were found. What it takes, in this order:\n  1. an AWS account",
		},
		"no credentials here": {
			"bootstrap", map[string]string{"ENV": "prod"}, cdkJSON(both, ""), "no AWS credentials were found.",
		},
	} {
		got, err := ask(c.task, "choose", c.variables, c.files)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || got != "" {
			t.Errorf("%s: error %v, want %s; printed %q", name, err, c.want, got)
		}
	}
}

// TestChoose_NeedsNoCredentialsToSynthesize lets an account come from anywhere.
func TestChoose_NeedsNoCredentialsToSynthesize(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"in cdk.json": {"ENV": "prod"}, "by ACCOUNT": {"ENV": "dev", "ACCOUNT": "111122223333"},
		"by the command line": {"ENV": "dev", "CDK_DEFAULT_ACCOUNT": "111122223333"},
		"by credentials":      {"ENV": "dev", "AWS_ACCESS_KEY_ID": "AKIA"},
	} {
		if _, err := ask("synth", "choose", variables, cdkJSON(dev+","+prod, "")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCredentials_AreFoundWhereTheCommandLineLooks(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		file      string
		content   string
		want      bool
	}{
		"a role of a task": {map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2"}, "", "", true},
		"a role of a pod": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23"}, "", "", true,
		},
		"a role by a token": {map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, "", "", true},
		"a file at home":    {nil, "/home/me/.aws/credentials", "[default]", true},
		"a configuration":   {nil, "/home/me/.aws/config", "[default]", true},
		"an empty one":      {nil, "/home/me/.aws/config", "", false},
		"a file elsewhere": {
			map[string]string{"AWS_SHARED_CREDENTIALS_FILE": "/keys"}, "/keys", "[default]", true,
		},
		"not the one at home": {
			map[string]string{"AWS_CONFIG_FILE": "/other"}, "/home/me/.aws/config", "[default]", false,
		},
		"a machine of EC2":      {nil, vendorFile, "Amazon EC2\n", true},
		"a machine of somebody": {nil, vendorFile, "QEMU\n", false},
	} {
		variables := map[string]string{"HOME": "/home/me"}
		for key, value := range c.variables {
			variables[key] = value
		}
		files := cdkJSON(prod, "")
		files[c.file] = c.content
		if _, err := ask("deploy", "choose", variables, files); (err == nil) != c.want {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestChoose_NeedsNoAccountForTheCost takes it that nobody deploys what is only priced.
func TestChoose_NeedsNoAccountForTheCost(t *testing.T) {
	if got, err := ask("cost", "choose", map[string]string{"ENV": "dev"}, cdkJSON(dev, "")); err != nil || got != "dev SensorFlow-dev-*\n" {
		t.Errorf("got %q, error %v", got, err)
	}
	want := `ENV must be one of dev, as cdk.json has them, got "stage"`
	if _, err := ask("cost", "choose", map[string]string{"ENV": "stage"}, cdkJSON(dev, "")); err == nil || err.Error() != want {
		t.Errorf("an unknown environment: %v, want %s", err, want)
	}
}

func TestKeeper_IsTheFirstRegion(t *testing.T) {
	left := cdkJSON(`"dev":{"regions":["eu-west-1","us-east-1"],"adopted":["eu-central-1"]}`, "")
	variables := map[string]string{"AWS_PROFILE": "mine", "REGION": "eu-central-1"}
	if got, err := ask("adopt", "keeper", variables, left); err != nil || got != "dev eu-west-1 SensorFlow-dev\n" {
		t.Errorf("got %q, error %v", got, err)
	}
	for region, want := range map[string]string{
		"us-east-1": `REGION must be one of eu-central-1, the adopted regions of dev in cdk.json, got "us-east-1"`,
		"":          "say which region: make adopt ENV=dev REGION=… is one of eu-central-1, the adopted regions of dev in cdk.json",
	} {
		variables["REGION"] = region
		if got, err := ask("adopt", "keeper", variables, left); err == nil || err.Error() != want {
			t.Errorf("%q: got %q, error %v, want %s", region, got, err, want)
		}
	}
	for _, region := range []string{"", "eu-central-1"} {
		variables["REGION"] = region
		want := "dev has adopted no region: a region that has left goes from environments.dev.regions into " +
			"environments.dev.adopted in cdk.json, then make deploy ENV=dev, and then make adopt"
		if _, err := ask("adopt", "keeper", variables, cdkJSON(dev, "")); err == nil || err.Error() != want {
			t.Errorf("where none is adopted: %v, want %s", err, want)
		}
	}
	variables = map[string]string{"REGION": "eu-central-1"}
	if _, err := ask("adopt", "keeper", variables, left); err == nil || !strings.Contains(err.Error(), "credentials") {
		t.Errorf("without credentials: %v", err)
	}
}

func TestRegions_AreThoseOfAllEnvironments(t *testing.T) {
	got, err := ask("lint", "regions", nil, cdkJSON(dev+","+prod, ""))
	if err != nil || got != "eu-central-1 eu-west-1 us-east-1\n" {
		t.Errorf("got %q, error %v", got, err)
	}
}

// TestStays_AsksForCredentialsAfterwards shows what stays also to somebody without credentials.
func TestStays_AsksForCredentialsAfterwards(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("cdk.out", 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("cdk.out/manifest.json", []byte(`{"artifacts":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ask("destroy", "stays", nil, cdkJSON(prod, ""))
	if err == nil || !strings.HasPrefix(err.Error(), "no AWS credentials were found.") ||
		!strings.HasPrefix(got, "Nothing of these stacks stays") {
		t.Errorf("error %v, said %q", err, got)
	}
	// With credentials, another program looks at what is deployed.
	if got, err := ask("destroy", "stays", map[string]string{"AWS_PROFILE": "mine"}, cdkJSON(prod, "")); err != nil || got != "" {
		t.Errorf("with credentials: error %v, said %q", err, got)
	}
}

// TestHelp_IsInColumns runs `make help`: a name that is longer than its column would push its line to the right.
func TestHelp_IsInColumns(t *testing.T) {
	help := exec.Command("make", "--no-print-directory", "help")
	help.Dir = filepath.Join("..", "..")
	out, err := help.Output()
	if err != nil {
		t.Fatal(err)
	}
	column, targets := 0, 0
	for line := range strings.Lines(string(out)) {
		name, isTarget := strings.CutPrefix(line, "  ")
		if !isTarget {
			continue
		}
		name, text, _ := strings.Cut(name, " ")
		at := len(name) + 1 + len(text) - len(strings.TrimLeft(text, " "))
		targets++
		if column == 0 {
			column = at
		}
		if at != column || len(name) > column-2 {
			t.Errorf("the text begins at %d, and not at %d: %s", at, column, line)
		}
	}
	if targets < 20 {
		t.Errorf("only %d targets are told", targets)
	}
}

// TestTasks_AreThere holds the Makefile's targets to the script that runs them: a merge has lost one before.
func TestTasks_AreThere(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("..", "..", ".make", "cdk.sh"))
	if err != nil {
		t.Fatal(err)
	}
	targets, err := os.ReadFile(filepath.Join("..", "..", ".make", "deploy.mk"))
	if err != nil {
		t.Fatal(err)
	}
	tasks := regexp.MustCompile(`\$\(CDK_TASK\) ([a-z]+)`).FindAllSubmatch(targets, -1)
	for _, task := range tasks {
		if !strings.Contains(string(script), "\n"+string(task[1])+")\n") {
			t.Errorf("cdk.sh does not know the task %s of deploy.mk", task[1])
		}
	}
	if len(tasks) < 11 {
		t.Errorf("only %d tasks were looked for", len(tasks))
	}
}
