package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/operate/internal/awstest"
	"github.com/sensorflow/sensorflow/infra/operate/replica"
)

// repository is a folder in which the tasks of the Makefile run, with a configuration of its own, and with a program in place of Node.js
// that keeps what it was given.
type repository struct{ dir, root string }

// node synthesizes what is in the folder already, and keeps everything else that it is asked for.
const node = `#!/bin/sh
shift
case "$*" in synth*) [ -z "$SYNTH_FAILS" ] || { echo "it cannot be synthesized" >&2; exit 1; } ;; esac
echo "cdk $*" >>calls
`

func newRepository(t *testing.T) repository {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	r := repository{t.TempDir(), root}
	for _, name := range []string{".make", "infra", "constructs", "runtime", "go.mod", "go.sum"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.ReadFile(filepath.Join(root, ".make", "cdk.sh")); err != nil { // lets the Go command run this again once it has changed
		t.Fatal(err)
	}
	r.write(t, "cdk.json", `{"context":{"sensorflow":{"environments":{"dev":{"account":"`+awstest.Number+`","regions":["eu-west-1","eu-central-1"]}}}}}`, 0o644)
	r.write(t, "bin/node", node, 0o755)
	r.write(t, "cdk.out/manifest.json", `{"artifacts":{"SensorFlow-dev-eu-central-1":{"type":"aws:cloudformation:stack",`+
		`"environment":"aws://`+awstest.Number+`/eu-central-1","properties":{"templateFile":"a.json"}}}}`, 0o644)
	r.write(t, "cdk.out/a.json", `{"Resources":{"Files":{"Type":"AWS::S3::Bucket","DeletionPolicy":"Retain"}}}`, 0o644)
	return r
}

func (r repository) write(t *testing.T, name, content string, mode os.FileMode) {
	t.Helper()
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// run runs a task, as make does, and returns what it prints, what it complains of, and what the CDK was asked for.
func (r repository) run(t *testing.T, task, endpoint string, variables ...string) (out, complaints string, cdk []string, ended error) {
	t.Helper()
	calls := filepath.Join(r.dir, "calls")
	_ = os.Remove(calls) // of the run before
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", filepath.Join(r.dir, ".make", "cdk.sh"), task)
	if task == "adopt" {
		cmd = exec.Command("sh", filepath.Join(r.dir, ".make", "adopt.sh"))
	}
	cmd.Dir = r.dir
	cmd.Env = append([]string{
		"PATH=" + filepath.Join(r.dir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + os.TempDir(), "ENV=dev",
		"AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=a", "AWS_ENDPOINT_URL=" + endpoint, "AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true",
	}, variables...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ended = cmd.Run()
	kept, _ := os.ReadFile(calls) // nothing where it was asked for nothing
	for line := range strings.Lines(string(kept)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "cdk synth") {
			cdk = append(cdk, line)
		}
	}
	return stdout.String(), stderr.String(), cdk, ended
}

// TestTasks_SayInOneSentenceThatAWSCannotBeReached runs every task that needs AWS against an address where nobody listens.
func TestTasks_SayInOneSentenceThatAWSCannotBeReached(t *testing.T) {
	r := newRepository(t)
	for _, task := range []string{"bootstrap", "diff", "deploy", "rollback", "detach", "destroy"} {
		_, complaints, cdk, err := r.run(t, task, "http://127.0.0.1:1", "REGION=eu-central-1")
		want := task + ": credentials: AWS cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused\n"
		if err == nil || complaints != want || len(cdk) > 0 {
			t.Errorf("%s: error %v, complains\n%swant\n%sthe CDK was asked for %q", task, err, complaints, want, cdk)
		}
	}
	r.write(t, "bin/aws", "#!/bin/sh\necho \"$@\" >>calls\n", 0o755)
	r.write(t, "cdk.json", `{"context":{"sensorflow":{"environments":{"dev":{"regions":["eu-west-1"],"adopted":["eu-central-1"]}}}}}`, 0o644)
	_, complaints, _, err := r.run(t, "adopt", "http://127.0.0.1:1", "REGION=eu-central-1")
	want := "adopt: credentials: AWS cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused\n"
	if _, asked := os.Stat(filepath.Join(r.dir, "calls")); err == nil || complaints != want || asked == nil {
		t.Errorf("adopt: error %v, complains\n%swant\n%s", err, complaints, want)
	}
}

func TestTasks_SayInOneSentenceWhatIsMissing(t *testing.T) {
	r := newRepository(t)
	for name, c := range map[string]struct {
		task   string
		change func(a *awstest.Account)
		want   string
	}{
		"credentials of yesterday": {
			"deploy", func(a *awstest.Account) { a.Refuse["GetCallerIdentity"] = "ExpiredToken" },
			"deploy: credentials: they have expired: log in (aws sso login), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n",
		},
		"one region": {
			"deploy", func(a *awstest.Account) { a.Bootstrapped = []string{"eu-west-1"} },
			"deploy: bootstrap: eu-central-1: the CDK is not at home there yet: make bootstrap ENV=dev\n",
		},
		"both regions": {
			"deploy", func(*awstest.Account) {},
			"deploy: bootstrap: eu-west-1, eu-central-1: the CDK is not at home there yet: make bootstrap ENV=dev\n",
		},
	} {
		a := awstest.New(t)
		c.change(a)
		_, complaints, cdk, err := r.run(t, c.task, a.URL)
		if err == nil || complaints != c.want || len(cdk) > 0 {
			t.Errorf("%s: error %v, complains\n%swant\n%sthe CDK was asked for %q", name, err, complaints, c.want, cdk)
		}
	}
	r.write(t, "cdk.json", `{"context":{"sensorflow":{"environments":{"dev":{"account":"999999999999","regions":["eu-west-1"]}}}}}`, 0o644)
	_, complaints, cdk, err := r.run(t, "diff", awstest.New(t).URL)
	want := "diff: account: the credentials are of 111122223333, and the deployment is for 999999999999, as cdk.json or ACCOUNT names it: take " +
		"credentials of that one\n"
	if err == nil || complaints != want || len(cdk) > 0 {
		t.Errorf("another account: error %v, complains\n%swant\n%s", err, complaints, want)
	}
}

// TestDeploy_MakesWayForASecondAttempt ends the protection of a stack whose creation failed before the CDK's command line meets it.
func TestDeploy_MakesWayForASecondAttempt(t *testing.T) {
	r, a := newRepository(t), awstest.New(t)
	a.Bootstrapped = []string{"eu-west-1", "eu-central-1"}
	a.Stacks["SensorFlow-dev-state eu-west-1"] = &awstest.Stack{Status: "ROLLBACK_COMPLETE", Protected: true}
	a.Stacks["SensorFlow-dev-keys-eu-west-1 eu-west-1"] = &awstest.Stack{Status: "CREATE_COMPLETE", Protected: true}
	_, complaints, cdk, err := r.run(t, "deploy", a.URL, "CDK_DOCKER=podman")
	if err != nil || !slices.Equal(cdk, []string{"cdk deploy SensorFlow-dev-* --context env=dev"}) {
		t.Errorf("error %v, the CDK was asked for %q\n%s", err, cdk, complaints)
	}
	if want := []string{"UpdateTerminationProtection SensorFlow-dev-state false"}; !slices.Equal(a.Changes, want) {
		t.Errorf("changes are %q, want %q", a.Changes, want)
	}
	want := "the creation of SensorFlow-dev-state has failed (ROLLBACK_COMPLETE): its protection is ended, so that it can be deleted and made anew\n"
	if complaints != want {
		t.Errorf("said %s, want %s", complaints, want)
	}
}

func TestBootstrap_PreparesOneRegionWhereOneIsNamed(t *testing.T) {
	r, a := newRepository(t), awstest.New(t)
	for variable, want := range map[string]string{
		"REGION=": "cdk bootstrap --context env=dev", "REGION=eu-central-1": "cdk bootstrap aws://*/eu-central-1 --context env=dev",
	} {
		if _, complaints, cdk, err := r.run(t, "bootstrap", a.URL, variable); err != nil || !slices.Equal(cdk, []string{want}) {
			t.Errorf("%s: error %v, the CDK was asked for %q\n%s", variable, err, cdk, complaints)
		}
	}
}

// TestDestroy_SaysWhatStaysLast holds the screen to what a person must read before the question of the CDK's command line.
func TestDestroy_SaysWhatStaysLast(t *testing.T) {
	r, a := newRepository(t), awstest.New(t)
	out, complaints, cdk, err := r.run(t, "destroy", a.URL)
	if err != nil || complaints != "destroy: none of the stacks is there: nothing of SensorFlow-dev-* is deployed\n" || len(cdk) > 0 {
		t.Errorf("nothing deployed: error %v, said\n%s%sthe CDK was asked for %q", err, out, complaints, cdk)
	}
	a.Stacks["SensorFlow-dev-eu-central-1 eu-central-1"] = &awstest.Stack{
		Status: "CREATE_COMPLETE", Protected: true, Names: map[string]string{"Files": "sensorflow-dev-files-1x"},
		Template: `{"Resources":{"Files":{"Type":"AWS::S3::Bucket","DeletionPolicy":"Retain"}}}`,
	}
	const list = ".local/stays-dev-eu-central-1.txt"
	out, complaints, cdk, err = r.run(t, "destroy", a.URL, "REGION=eu-central-1")
	if err != nil || complaints != "" || !slices.Equal(cdk, []string{"cdk destroy --app cdk.out SensorFlow-dev-eu-central-1 --context env=dev"}) {
		t.Errorf("error %v, complains\n%sthe CDK was asked for %q", err, complaints, cdk)
	}
	kept, err := os.ReadFile(filepath.Join(r.dir, list))
	if err != nil || out != string(kept)+"The list is kept in "+list+".\n" {
		t.Errorf("error %v, said\n%skept\n%s", err, out, kept)
	}
	for _, want := range []string{
		"These stay, with what is in them, ", "    bucket              sensorflow-dev-files-1x\n",
		"  aws cloudformation update-termination-protection --no-enable-termination-protection --region eu-central-1 --stack-name SensorFlow-dev-eu-central-1\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	// What AWS does not tell is told by the templates, and nothing is destroyed on that.
	a.Refuse["GetTemplate"] = "AccessDenied"
	out, complaints, cdk, err = r.run(t, "destroy", a.URL, "REGION=eu-central-1")
	want := "destroy: look at the stack SensorFlow-dev-eu-central-1: these credentials may not call cloudformation:GetTemplate\n" +
		"destroy: so the above is what the templates in cdk.out say, and not what is deployed\n"
	if err == nil || complaints != want || len(cdk) > 0 || !strings.Contains(out, "Files in the template\n") {
		t.Errorf("error %v, said\n%s%sthe CDK was asked for %q", err, out, complaints, cdk)
	}
	if _, complaints, _, err := r.run(t, "destroy", a.URL, "SYNTH_FAILS=yes"); err == nil || complaints != "it cannot be synthesized\n" {
		t.Errorf("where it cannot be synthesized: error %v, complains %s", err, complaints)
	}
}

// TestDetach_IsOneCommand is about a region that is lost: its stack is there for CloudFormation, and serves nobody.
func TestDetach_IsOneCommand(t *testing.T) {
	r, a := newRepository(t), awstest.New(t)
	r.write(t, "cdk.json", `{"context":{"sensorflow":{"environments":{"dev":{"account":"`+awstest.Number+
		`","regions":["eu-west-1","eu-central-1"],"leaving":["eu-central-1"]}}}}}`, 0o644)
	a.Stacks["SensorFlow-dev-state eu-west-1"] = &awstest.Stack{Status: "UPDATE_COMPLETE", Outputs: map[string]string{replica.PoolOutput: "eu-west-1_AbC"}}
	a.Replicas["eu-central-1"] = "INACTIVE"
	out, complaints, _, err := r.run(t, "detach", a.URL, "REGION=eu-central-1")
	if err == nil || complaints != "detach: nothing was changed\n" || len(a.Changes) > 0 {
		t.Errorf("with nobody to say yes: error %v, said\n%s%schanges %q", err, out, complaints, a.Changes)
	}
	a.Replicas["eu-central-1"] = "DELETING" // as after a first attempt that was stopped, so that the test need not wait
	out, complaints, _, err = r.run(t, "detach", a.URL, "REGION=eu-central-1", "YES=yes")
	if err != nil || complaints != "" || !strings.HasSuffix(out, "It is gone.\n") && !strings.Contains(out, "has no replica") {
		t.Errorf("error %v, said\n%s%s", err, out, complaints)
	}
}

func TestRun_SaysHowItIsCalled(t *testing.T) {
	for _, arguments := range [][]string{nil, {"begin", "deploy"}, {"stays", "dev"}, {"detach", "dev"}, {"detach", "-no", "dev", "eu-west-1"}, {"live", "a", "b"}} {
		var complaints strings.Builder
		p := program{in: strings.NewReader(""), out: &complaints, errs: &complaints, readFile: os.ReadFile}
		if err := p.run(t.Context(), arguments); err == nil || !strings.Contains(complaints.String(), "usage: life begin TASK ENVIRONMENT") {
			t.Errorf("%q: error %v, said %s", arguments, err, complaints.String())
		}
	}
}
