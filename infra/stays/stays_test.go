package stays_test

import (
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sensorflow/sensorflow/infra/stays"
)

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
			"Table":{"Type":"AWS::DynamoDB::GlobalTable","DeletionPolicy":"RetainExceptOnCreate"},
			"Role":{"Type":"AWS::IAM::Role"},
			"Version":{"Type":"AWS::Lambda::Version","DeletionPolicy":"Retain"},
			"Pool":{"Type":"AWS::Cognito::UserPool","DeletionPolicy":"Retain"},
			"Call":{"Type":"Custom::SensorFlowProtection","DeletionPolicy":"RetainExceptOnCreate","Properties":{
				"Create":"{\"parameters\":{\"TableName\":\"Dev-Readings\",\"DeletionProtectionEnabled\":true}}"}},
			"Logs":{"Type":"AWS::Logs::LogGroup","DeletionPolicy":"Delete"}}}`),
		"b.json": file(`{"Resources":{
			"On":{"Type":"Custom::SensorFlowProtection","DeletionPolicy":"RetainExceptOnCreate","Properties":{
				"Create":{"Fn::Join":["",["{\"LoadBalancerArn\":\"",{"Ref":"Balancer"},"\",\"Attributes\":[{\"Value\":\"true\"}]}"]]}}},
			"Off":{"Type":"Custom::SensorFlowProtection","DeletionPolicy":"RetainExceptOnCreate","Properties":{
				"Create":{"Fn::Join":["",["{\"LoadBalancerArn\":\"",{"Ref":"Other"},"\",\"Attributes\":[{\"Value\":\"false\"}]}"]]}}}}}`),
		"c.json": file(`{"Resources":{"Key":{"Type":"AWS::KMS::Key","DeletionPolicy":"Delete","Properties":{"PendingWindowInDays":7}}}}`),
	}
}

func TestSay_NamesWhatStaysAndWhatRefuses(t *testing.T) {
	const remedy = "A region that is in \"leaving\" gives up its protection with a deployment; \"disposable\": true " +
		"and a deployment let everything go, the data included. README.md, \"Destroy\", has the steps.\n"
	const balancer = "These refuse to be destroyed:\n  Dev-eu-west-1: the load balancer Balancer, until\n" +
		"    aws elbv2 modify-load-balancer-attributes --attributes Key=deletion_protection.enabled,Value=false " +
		"--region eu-west-1 --load-balancer-arn …\n"
	const selfMade = "AWS itself keeps the log groups /aws/ecs/containerinsights/…/performance, which are empty after a " +
		"day, and ECS's service role, which belongs to the account. DynamoDB keeps a backup of each deleted table for 35 " +
		"days, free of charge, and the CDK's bucket and repository keep the programs.\n"
	for stacks, want := range map[string]string{
		"Dev-*": "These stay, with what is in them, and cost money until somebody deletes them:\n" +
			"  Dev-state  AWS::Cognito::UserPool  Pool\n  Dev-state  AWS::DynamoDB::GlobalTable  Table\n" +
			balancer + "  Dev-state: the stack itself, until\n    aws cloudformation update-termination-protection " +
			"--no-enable-termination-protection --region eu-west-1 --stack-name Dev-state\n" + remedy + selfMade,
		"Dev-eu-west-1": balancer + remedy + selfMade,
		"Test-*": "Nothing stays: the environment is disposable, its data included.\n" +
			"KMS deletes its keys 7 days later, and bills nothing for them until then.\n" + selfMade,
		"None-*": "Nothing stays: the environment is disposable, its data included.\n" + selfMade,
	} {
		var out strings.Builder
		if err := stays.Say(&out, assembly(), stacks); err != nil || out.String() != want {
			t.Errorf("%s: error %v, said\n%s\nwant\n%s", stacks, err, out.String(), want)
		}
	}
}

func TestSay_NeedsAWholeAssembly(t *testing.T) {
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
		if err := stays.Say(io.Discard, c.assembly, c.pattern); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
}
