package stays_test

import (
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sensorflow/sensorflow/infra/stays"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// assembly has the parts of a real one that matter. Templates of the CDK write a call as a text, and as a list of texts
// and references where something is known at deployment only.
func assembly() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"manifest.json": file(`{"artifacts":{
			"Dev-state":{"type":"aws:cloudformation:stack","environment":"aws://1/eu-west-1","properties":{"stackName":"Dev-state","templateFile":"a.json","terminationProtection":true}},
			"Dev-eu-west-1":{"type":"aws:cloudformation:stack","environment":"aws://1/eu-west-1","properties":{"templateFile":"b.json","terminationProtection":false}},
			"Test-state":{"type":"aws:cloudformation:stack","environment":"aws://1/us-east-1","properties":{"templateFile":"c.json"}},
			"Dev-state.assets":{"type":"cdk:asset-manifest","properties":{"file":"x"}}}}`),
		"a.json": file(`{"Resources":{
			"Table":{"Type":"AWS::DynamoDB::GlobalTable","DeletionPolicy":"RetainExceptOnCreate","Properties":{
				"TableName":"Dev-Readings","Replicas":[{"Region":"eu-west-1"},{"Region":"eu-central-1"}]}},
			"Role":{"Type":"AWS::IAM::Role"},
			"Version":{"Type":"AWS::Lambda::Version","DeletionPolicy":"Retain"},
			"Pool":{"Type":"AWS::Cognito::UserPool","DeletionPolicy":"Retain"},
			"Volume":{"Type":"AWS::EC2::Volume","DeletionPolicy":"Snapshot"},
			"Replica":{"Type":"AWS::Cognito::UserPoolReplica","Properties":{"RegionName":"eu-central-1"}},
			"Call":{"Type":"Custom::SensorFlowProtection","DeletionPolicy":"RetainExceptOnCreate","Properties":{
				"Create":"{\"parameters\":{\"TableName\":\"Dev-Readings\",\"DeletionProtectionEnabled\":true}}"}},
			"Logs":{"Type":"AWS::Logs::LogGroup","DeletionPolicy":"Delete"}}}`),
		"b.json": file(`{"Resources":{
			"Cluster":{"Type":"AWS::ECS::Cluster"},
			"Task":{"Type":"AWS::ECS::TaskDefinition","Properties":{"Family":"DevApiTask"}},
			"Certificate":{"Type":"AWS::CertificateManager::Certificate","Properties":{"DomainName":"api.example.com",
				"DomainValidationOptions":[{"DomainName":"api.example.com","HostedZoneId":"Z1"},{"DomainName":"elsewhere.example.com"}]}},
			"Log":{"Type":"AWS::Logs::LogGroup","DeletionPolicy":"Retain"},
			"Files":{"Type":"AWS::S3::Bucket","DeletionPolicy":"Retain"},
			"On":{"Type":"Custom::SensorFlowProtection","DeletionPolicy":"RetainExceptOnCreate","Properties":{
				"Create":{"Fn::Join":["",["{\"LoadBalancerArn\":\"",{"Ref":"Balancer"},"\",\"Attributes\":[{\"Value\":\"true\"}]}"]]}}},
			"Off":{"Type":"Custom::SensorFlowProtection","DeletionPolicy":"RetainExceptOnCreate","Properties":{
				"Create":{"Fn::Join":["",["{\"LoadBalancerArn\":\"",{"Ref":"Other"},"\",\"Attributes\":[{\"Value\":\"false\"}]}"]]}}}}}`),
		"c.json": file(`{"Resources":{
			"Key":{"Type":"AWS::KMS::Key","DeletionPolicy":"Delete","Properties":{"PendingWindowInDays":7}},
			"Emptied":{"Type":"AWS::S3::Bucket","DeletionPolicy":"Delete"},
			"Emptying":{"Type":"Custom::S3AutoDeleteObjects","DeletionPolicy":"Delete","Properties":{"BucketName":{"Ref":"Emptied"}}},
			"Uploads":{"Type":"AWS::DynamoDB::GlobalTable","DeletionPolicy":"Delete","Properties":{"Replicas":[{"Region":"us-east-1"}]}},
			"Readings":{"Type":"AWS::DynamoDB::GlobalTable","DeletionPolicy":"Delete","Properties":{"TableName":"Test-Readings"}}}}`),
		"d.json": file(`{"Resources":{"Artifacts":{"Type":"AWS::S3::Bucket","DeletionPolicy":"Delete"}}}`),
	}
}

// deployed are the stacks of an environment, with what AWS calls their resources where that is known.
func deployed(t *testing.T, pattern string, names map[string]string) []stays.Stack {
	t.Helper()
	all, err := stays.Read(assembly(), pattern)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].Names = names
	}
	return all
}

// cases are what is told, by the name of the golden file.
func cases(t *testing.T) map[string][]stays.Stack {
	return map[string][]stays.Stack{
		"by_the_templates": deployed(t, "Dev-*", nil),
		"by_name": deployed(t, "Dev-*", map[string]string{
			"Pool": "eu-west-1_AbC", "Volume": "vol-1", "Cluster": "Dev-eu-west-1-Cluster-1X", "Files": "dev-files-1x",
			"Log": "Dev-Log-1X", "Task": "arn:aws:ecs:eu-west-1:1:task-definition/DevApiTask:7",
			"Balancer": "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/b/1",
		}),
		"disposable":  deployed(t, "Test-*", nil),
		"not_emptied": {{Name: "Pipeline", Account: "1", Region: "eu-west-1", Resources: resources(t, "d.json")}},
	}
}

func resources(t *testing.T, file string) map[string]stays.Resource {
	t.Helper()
	all, err := stays.Resources(string(assembly()[file].Data))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func say(t *testing.T, stacks []stays.Stack) string {
	t.Helper()
	var out strings.Builder
	if err := stays.Say(&out, "dev", stacks); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSay_NamesWhatStaysAndWhatRefuses(t *testing.T) {
	for name, stacks := range cases(t) {
		t.Run(name, func(t *testing.T) {
			got, file := say(t, stacks), filepath.Join("testdata", name+".golden.txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || got != string(want) {
				t.Errorf("error %v, said\n%s\nwant\n%s", err, got, want)
			}
		})
	}
}

// TestSay_GivesCommandsThatCanBePasted pastes everything that is said into a shell in which the commands tell what they
// were given.
func TestSay_GivesCommandsThatCanBePasted(t *testing.T) {
	programs := t.TempDir()
	for _, name := range []string{"aws", "make"} {
		script := "#!/bin/sh\nfor a in \"$@\"; do case $a in '' | *…* | *'<'*) echo \"empty argument: $*\" >&2; exit 1; esac; done\n" +
			"echo arn:of:something\necho \"" + name + " $1 $2\" >>\"$CALLS\"\n"
		if err := os.WriteFile(filepath.Join(programs, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	isCommand := regexp.MustCompile(`^ +((aws|make) .*|#.*)$`)
	for name, stacks := range cases(t) {
		var pasted []string
		for line := range strings.Lines(say(t, stacks)) {
			if found := isCommand.FindStringSubmatch(strings.TrimSuffix(line, "\n")); found != nil {
				pasted = append(pasted, found[1])
			} else if strings.Contains(line, "aws ") {
				t.Errorf("%s: a command does not stand by itself: %s", name, line)
			}
		}
		calls := filepath.Join(t.TempDir(), "calls")
		shell := exec.Command("sh", "-eu", "-c", strings.Join(pasted, "\n"))
		shell.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "CALLS=" + calls}
		out, err := shell.CombinedOutput()
		made, _ := os.ReadFile(calls)
		if err != nil || strings.Contains(string(out), "empty argument") || strings.Count(string(made), "\n") < 2 {
			t.Errorf("%s: error %v, the shell says\n%s\nof\n%s\ncalls\n%s", name, err, out, strings.Join(pasted, "\n"), made)
		}
	}
}

func TestRead_NeedsAWholeAssembly(t *testing.T) {
	broken := assembly()
	delete(broken, "b.json")
	for name, c := range map[string]struct {
		assembly fstest.MapFS
		pattern  string
		want     string
	}{
		"nothing there": {fstest.MapFS{}, "Dev-*", "look up what stays: open manifest.json"},
		"no template":   {broken, "Dev-*", "look up what stays: open b.json"},
		"no manifest":   {fstest.MapFS{"manifest.json": {Data: []byte("[")}}, "Dev-*", "read manifest.json: "},
		"no pattern":    {assembly(), "[", "match the stacks [: "},
	} {
		if _, err := stays.Read(c.assembly, c.pattern); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
	if _, err := stays.Resources("Resources:\n  A: 1\n"); err == nil {
		t.Error("a template in another language is read")
	}
}

// closed is a terminal that is gone.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestSay_TellsThatNobodyCanRead(t *testing.T) {
	if err := stays.Say(closed{}, "dev", nil); err == nil {
		t.Error("it is said to nobody")
	}
}
