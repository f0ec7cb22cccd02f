package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

const account = "111122223333"

// context puts the keys of an environment, and whatever else, into a context as the CLI hands it over.
func context(environment, more string) []byte {
	return fmt.Appendf(nil, `{"@aws-cdk/core:flag":true,"sensorflow":{"environments":{"dev":{%s}}%s}}`, environment, more)
}

const two = `"account":"111122223333","regions":["eu-west-1","eu-central-1"]`

func TestLoad_FillsInDefaults(t *testing.T) {
	c, err := config.Load(context(two, ""), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Environment{
		Name: "dev", Account: account, Regions: []string{"eu-west-1", "eu-central-1"},
		TasksMin: 3, TasksMax: 60, TaskCPU: 512, TaskMemory: 1024,
		VPCCidrs:       map[string]string{"eu-west-1": "10.0.0.0/16", "eu-central-1": "10.1.0.0/16"},
		MachineClients: []string{"machine"}, IndexShards: contract.IndexShardsDefault, FleetBuckets: contract.FleetBucketsDefault,
		CSVConcurrency: config.CSVConcurrencyDefault, RequestLimit: 6000, LogRetentionDays: 30,
	}
	if got := c.Environments["dev"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c.Pipeline != nil || len(c.Notes()) != 0 {
		t.Errorf("pipeline %v, notes %q", c.Pipeline, c.Notes())
	}
}

func TestLoad_TakesTheAccountOfTheCredentials(t *testing.T) {
	c, err := config.Load(context(`"regions":["eu-west-1"]`, ""), config.Defaults{Account: account})
	if err != nil || c.Environments["dev"].Account != account {
		t.Errorf("account %q, error %v", c.Environments["dev"].Account, err)
	}
}

func TestLoad_KeepsAZeroThatWasWritten(t *testing.T) {
	_, err := config.Load(context(two+`,"tasksMin":0`, ""), config.Defaults{})
	if err == nil || err.Error() != "environments.dev.tasksMin must be at least 1, got 0" {
		t.Errorf("error %v", err)
	}
}

func TestLoad_FillsInThePipeline(t *testing.T) {
	c, err := config.Load(context(two, `,"pipeline":{"connectionArn":"arn:aws:codeconnections:eu-west-1:111122223333:connection/0a-1b","repository":"acme/sensorflow"}`), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Pipeline{
		Account: account, Region: "eu-west-1", ConnectionARN: "arn:aws:codeconnections:eu-west-1:111122223333:connection/0a-1b",
		Repository: "acme/sensorflow", Branch: "main", Environments: []string{"dev"},
	}
	if !reflect.DeepEqual(*c.Pipeline, want) {
		t.Errorf("got %+v", *c.Pipeline)
	}
}

func TestLoad_NamesEachMistake(t *testing.T) {
	regions := "af-south-1, ap-east-1, ap-northeast-1"
	for name, c := range map[string]struct{ environment, more, want string }{
		"rejects an unknown region":           {`"account":"111122223333","regions":["eu-west-9"]`, "", "environments.dev.regions[0] must be one of " + regions},
		"rejects the same region twice":       {`"account":"111122223333","regions":["eu-west-1","eu-west-1"]`, "", "environments.dev.regions must not hold the same twice, got [eu-west-1 eu-west-1]"},
		"rejects no region":                   {`"account":"111122223333","regions":[]`, "", "environments.dev.regions must hold at least 1, got []"},
		"rejects a missing account":           {`"regions":["eu-west-1"]`, "", "environments.dev.account must be set"},
		"rejects a short account":             {`"account":"11112222333","regions":["eu-west-1"]`, "", "environments.dev.account must be an account number of 12 digits, got 11112222333"},
		"rejects an account that is a number": {`"account":111122223333,"regions":["eu-west-1"]`, "", "environments.dev.account must be a text, got a number"},
		"rejects a bad domain":                {two + `,"domain":{"name":"api example","hostedZoneId":"Z0123456789","hostedZoneName":"example.com"}`, "", "environments.dev.domain.name must be a domain name such as api.example.com, got api example"},
		"rejects a domain of another zone":    {two + `,"domain":{"name":"api.example.org","hostedZoneId":"Z0123456789","hostedZoneName":"example.com"}`, "", "environments.dev.domain.name must lie in the hosted zone example.com, got api.example.org"},
		"rejects half a domain":               {two + `,"domain":{"name":"api.example.org"}`, "", "environments.dev.domain.hostedZoneId must be set\nenvironments.dev.domain.hostedZoneName must be set"},
		"rejects networks that overlap":       {two + `,"vpcCidrs":{"eu-central-1":"10.0.128.0/17"}`, "", "environments.dev.vpcCidrs.eu-west-1 must not overlap vpcCidrs.eu-central-1, got 10.0.0.0/16 and 10.0.128.0/17"},
		"rejects a public network":            {two + `,"vpcCidrs":{"eu-west-1":"8.8.0.0/16"}`, "", "environments.dev.vpcCidrs.eu-west-1 must be a private network of /16 to /22 such as 10.0.0.0/16, got 8.8.0.0/16"},
		"rejects a network of no region":      {two + `,"vpcCidrs":{"us-east-1":"10.9.0.0/16"}`, "", "environments.dev.vpcCidrs.us-east-1 must be for one of the regions eu-west-1, eu-central-1"},
		"rejects regions without pool replicas": {`"account":"111122223333","regions":["eu-west-1","eu-south-1"]`, "",
			"environments.dev.regions[1] must be a region in which Cognito replicates user pools, as the first two of several regions are; accepted are ap-northeast-1"},
		"rejects fewer tasks at most than at least": {two + `,"tasksMin":5,"tasksMax":4`, "", "environments.dev.tasksMax must be at least tasksMin, got 4"},
		"rejects a size that Fargate lacks":         {two + `,"taskCpu":300`, "", "environments.dev.taskCpu must be one of 256, 512, 1024, 2048, 4096, 8192, 16384, got 300"},
		"rejects a pair that Fargate lacks":         {two + `,"taskCpu":1024,"taskMemoryMiB":1024`, "", "environments.dev.taskMemoryMiB must be 2048 to 8192 in steps of 1024 with a taskCpu of 1024, got 1024"},
		"rejects that the first region leaves":      {two + `,"leaving":["eu-west-1"]`, "", "environments.dev.leaving[0] must be one of the regions other than the first, got eu-west-1"},
		"rejects four zones":                        {two + `,"zones":4`, "", "environments.dev.zones must be at most 3, got 4"},
		"rejects more NAT gateways than zones":      {two + `,"zones":2,"natGateways":3`, "", "environments.dev.natGateways must be at most zones, 2, got 3"},
		"rejects three zones where there are two":   {`"account":"111122223333","regions":["us-west-1"],"zones":3`, "", "environments.dev.zones must be at most 2, or left out, for regions[0], us-west-1, which has no more, got 3"},
		"rejects a task without memory":             {two + `,"taskCpu":256,"taskMemoryMiB":512`, "", "environments.dev.taskMemoryMiB must be at least 1024, got 512"},
		"rejects an unknown key":                    {two + `,"taskMin":5`, "", "environments.dev.taskMin is not a key; accepted are account, regions"},
		"rejects a text for a number":               {two + `,"tasksMin":"5"`, "", "environments.dev.tasksMin must be a whole number, got a string"},
		"rejects a part of a day":                   {two + `,"retentionDays":1.5`, "", "environments.dev.retentionDays must be a whole number, got a number 1.5"},
		"rejects a wildcard origin":                 {two + `,"allowedOrigins":["*"]`, "", "environments.dev.allowedOrigins[0] must be an origin such as https://app.example.com, got *"},
		"rejects a bad alarm address":               {two + `,"alarmEmails":["nobody"]`, "", "environments.dev.alarmEmails[0] must be an e-mail address, got nobody"},
		"rejects two mistakes at once":              {`"regions":["eu-west-1"],"spotPercent":101`, "", "environments.dev.account must be set to an account number of 12 digits, as no credentials are in use that tell one\nenvironments.dev.spotPercent must be at most 100, got 101"},
		"rejects a pipeline of an unknown environment": {two, `,"pipeline":{"connectionArn":"arn:aws:codeconnections:eu-west-1:111122223333:connection/0a","repository":"a/b","environments":["prod"],"account":"111122223333","region":"eu-west-1"}`,
			"pipeline.environments[0] must be one of the environments dev, got prod"},
		"rejects a pipeline without a source": {two, `,"pipeline":{}`, "pipeline.connectionArn must be set\npipeline.repository must be set"},
		"rejects an unknown key beside":       {two, `,"environment":{}`, "environment is not a key; accepted are environments, pipeline"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(context(c.environment, c.more), config.Defaults{})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error\n%v\nwant\n%s", err, c.want)
			}
			if err != nil && strings.Count(err.Error(), "\n") != strings.Count(c.want, "\n") {
				t.Errorf("more is said than is wrong:\n%v", err)
			}
		})
	}
}

func TestLoad_RejectsAnEnvironmentNameThatStacksCannotHave(t *testing.T) {
	_, err := config.Load([]byte(`{"sensorflow":{"environments":{"Dev_1":{`+two+`}}}}`), config.Defaults{})
	if err == nil || !strings.HasPrefix(err.Error(), "environments.Dev_1 must be a name of at most 16") {
		t.Errorf("error %v", err)
	}
}

func TestLoad_RejectsTheNameOfThePipeline(t *testing.T) {
	_, err := config.Load([]byte(`{"sensorflow":{"environments":{"pipeline":{`+two+`}}}}`), config.Defaults{})
	if err == nil || err.Error() != "environments.pipeline must have another name: the stack of the delivery pipeline has this one" {
		t.Errorf("error %v", err)
	}
}

func TestLoad_SaysWhatIsMissingAltogether(t *testing.T) {
	for context, want := range map[string]string{
		`{}`:                                 "context.sensorflow must be set in cdk.json",
		`{"sensorflow":{}}`:                  "environments must hold at least 1",
		`{"sensorflow":[]}`:                  "context.sensorflow must be an object, got a array",
		`nonsense`:                           "the context is not a JSON object",
		`{"sensorflow":{"environments":{}}}`: "environments must hold at least 1",
	} {
		if _, err := config.Load([]byte(context), config.Defaults{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", context, err, want)
		}
	}
}

func TestNotes_TellWhatMoreThanTwoRegionsMean(t *testing.T) {
	c, err := config.Load(context(`"account":"111122223333","regions":["eu-west-1","eu-central-1","af-south-1"]`, ""), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	if notes := c.Notes(); len(notes) != 2 || !strings.Contains(notes[0], "add one, deploy") || !strings.Contains(notes[1], "In af-south-1 people sign in through eu-west-1") {
		t.Errorf("notes %q", notes)
	}
}

func TestOnly_KeepsOneEnvironment(t *testing.T) {
	c, err := config.Load([]byte(`{"sensorflow":{"environments":{"dev":{`+two+`},"prod":{`+two+`}}}}`), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	only, err := c.Only("prod")
	if _, kept := only.Environments["prod"]; err != nil || !kept || len(only.Environments) != 1 {
		t.Errorf("got %v, error %v", only, err)
	}
	if _, err := c.Only("test"); err == nil || err.Error() != "the context key env must be one of the environments dev, prod, got test" {
		t.Errorf("error %v", err)
	}
}
