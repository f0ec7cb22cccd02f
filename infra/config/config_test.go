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
	return fmt.Appendf(nil, `{"@aws-cdk/core:flag":true,"sensorflow":{"environments":{"dev":{%s}}%s}}`, environment,
		more)
}

const (
	one = `"account":"111122223333","regions":["eu-west-1"]`
	two = `"account":"111122223333","regions":["eu-west-1","eu-central-1"]`
	// source are the keys of a pipeline that have no default.
	source = `"connectionArn":"arn:aws:codeconnections:eu-west-1:111122223333:connection/0a-1b","repository":"acme/sensorflow"`
)

func TestLoad_FillsInDefaults(t *testing.T) {
	c, err := config.Load(context(two, ""), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Environment{
		Name: "dev", Account: account, Regions: []string{"eu-west-1", "eu-central-1"},
		TasksMin: 3, TasksMax: 60, TaskCPU: 512, TaskMemory: 1024,
		MachineClients: []config.MachineClient{{Name: "machine"}},
		IndexShards:    contract.IndexShardsDefault,
		FleetBuckets:   contract.FleetBucketsDefault,
		CSVConcurrency: contract.CSVConcurrencyDefault, RequestLimit: 6000, AggregationWindowSeconds: 1, LogRetentionDays: 30,
	}
	if got := c.Environments["dev"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c.Pipeline != nil || len(c.Notes()) != 0 {
		t.Errorf("pipeline %v, notes %q", c.Pipeline, c.Notes())
	}
}

func TestLoad_TakesAMachineByItsNameOrWithItsScopes(t *testing.T) {
	c, err := config.Load(context(one+`,"machineClients":["line-1",{"name":"line-2"},
		{"name":"cleaner","scopes":["sensor-flow/read","sensor-flow/admin"]}]`, ""), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	want := []config.MachineClient{
		{Name: "line-1", NameAlone: true}, {Name: "line-2"},
		{Name: "cleaner", Scopes: []string{contract.ScopeRead, contract.ScopeAdmin}},
	}
	if got := c.Environments["dev"].MachineClients; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestLoad_TakesTheAccountOfTheCredentials(t *testing.T) {
	c, err := config.Load(context(`"regions":["eu-west-1"]`, ""), config.Defaults{Account: account})
	if err != nil || c.Environments["dev"].Account != account {
		t.Errorf("account %q, error %v", c.Environments["dev"].Account, err)
	}
}

func TestLoad_CanDoWithoutAnAccount(t *testing.T) {
	c, err := config.Load(context(`"regions":["eu-west-1"]`, `,"pipeline":{`+source+`}`),
		config.Defaults{AccountLater: true})
	if err != nil || c.Environments["dev"].Account != "" {
		t.Errorf("account %q, error %v", c.Environments["dev"].Account, err)
	}
	_, err = config.Load(context(`"account":"1","regions":["eu-west-1"]`, ""), config.Defaults{AccountLater: true})
	want := `environments.dev.account must be an account number of 12 digits, got "1"`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestLoad_KeepsAZeroThatWasWritten(t *testing.T) {
	_, err := config.Load(context(two+`,"tasksMin":0,"tasksMax":0`, ""), config.Defaults{})
	want := "environments.dev.tasksMax must be 1 to 1000, got 0; leave it out for 60\n" +
		"environments.dev.tasksMin must be 1 to 1000, got 0; leave it out for 3"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestLoad_BlamesNoKeyThatNobodyWrote checks that a default fits what was written.
func TestLoad_BlamesNoKeyThatNobodyWrote(t *testing.T) {
	c, err := config.Load(context(two+`,"tasksMin":100`, ""), config.Defaults{})
	if err != nil || c.Environments["dev"].TasksMax != 100 {
		t.Errorf("at most %d tasks, error %v", c.Environments["dev"].TasksMax, err)
	}
}

func TestLoad_FillsInThePipeline(t *testing.T) {
	c, err := config.Load(context(two, `,"pipeline":{`+source+`}`), config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Pipeline{
		Account:       account,
		Region:        "eu-west-1",
		ConnectionARN: "arn:aws:codeconnections:eu-west-1:111122223333:connection/0a-1b",
		Repository:    "acme/sensorflow", Branch: "main", Environments: []string{"dev"},
	}
	if !reflect.DeepEqual(*c.Pipeline, want) {
		t.Errorf("got %+v", *c.Pipeline)
	}
}

// TestLoad_NamesEachMistake is about the keys. What the rules accept is the business of their own tests.
func TestLoad_NamesEachMistake(t *testing.T) {
	const noAccount = "environments.dev.account must be set to an account number of 12 digits; no credentials are " +
		"in use that tell one"
	for name, c := range map[string]struct{ environment, more, want string }{
		"rejects a missing account": {`"regions":["eu-west-1"]`, "", noAccount},
		"rejects a short account": {
			`"account":"1","regions":["eu-west-1"]`, "",
			`environments.dev.account must be an account number of 12 digits, got "1"`,
		},
		"rejects an account that is a number": {
			`"account":111122223333,"regions":["eu-west-1"]`, "",
			"environments.dev.account must be a text, got a number",
		},
		"rejects no region": {
			`"account":"111122223333","regions":[]`, "", "environments.dev.regions must list 1 to 10 regions, got 0",
		},
		"rejects an unknown region": {
			`"account":"111122223333","regions":["eu-west-9"]`, "",
			"environments.dev.regions[0] must be one of af-south-1, ",
		},
		"rejects the same region twice": {
			`"account":"111122223333","regions":["eu-west-1","eu-west-1"]`, "",
			`environments.dev.regions[1] must be given once, got "eu-west-1" again`,
		},
		"rejects that the first region leaves": {two + `,"leaving":["eu-west-1"]`, "",
			`environments.dev.leaving[0] must be one of the regions other than the first, got "eu-west-1"`},
		"rejects that a region adopts itself": {
			two + `,"adopted":["eu-west-1"]`, "",
			`environments.dev.adopted[0] must not be one of the regions that serve, got "eu-west-1"; ` +
				"a region is adopted once its stack is gone",
		},
		"rejects a bad alarm address": {
			one + `,"alarmEmails":["nobody"]`, "",
			`environments.dev.alarmEmails[0] must be an e-mail address such as ops@example.com, got "nobody"`,
		},
		"rejects capitals in a domain": {one +
			`,"domain":{"name":"API.example.com","hostedZoneId":"Z0123456789","hostedZoneName":"example.com"}`, "",
			`environments.dev.domain.name must be a domain name in lower case of at most 64 characters, such as api.example.com, got "API.example.com"`},
		"rejects a domain of another zone": {one +
			`,"domain":{"name":"api.example.org","hostedZoneId":"Z0123456789","hostedZoneName":"example.com"}`, "",
			`environments.dev.domain.name must lie in the hosted zone example.com, got "api.example.org"`},
		"rejects half a domain": {one + `,"domain":{"name":"api.example.org"}`, "",
			"environments.dev.domain.hostedZoneId must be set to the id of a hosted zone, such as " +
				"Z0123456789ABCDEFGHIJ\n" +
				"environments.dev.domain.hostedZoneName must be set to a domain name in lower case such as " +
				"example.com"},
		"rejects a wildcard origin": {
			one + `,"allowedOrigins":["https://a.example","*"]`, "",
			"environments.dev.allowedOrigins[1] must be an origin such as https://app.example.com, or",
		},
		"rejects a negative retention": {
			one + `,"retentionDays":-1`, "",
			"environments.dev.retentionDays must be 1 to 36500, got -1; leave it out to keep readings for ever",
		},
		"rejects fewer tasks at most than at least": {one + `,"tasksMin":5,"tasksMax":4`, "",
			"environments.dev.tasksMax must be at least tasksMin, 5, got 4; leave it out for 60"},
		"rejects a size that Fargate lacks": {one + `,"taskCpu":300`, "",
			"environments.dev.taskCpu must be one of 256, 512, 1024, 2048, 4096, 8192, 16384, got 300; leave it out " +
				"for 512"},
		"rejects a pair that Fargate lacks": {one + `,"taskCpu":1024,"taskMemoryMiB":1024`, "",
			"environments.dev.taskMemoryMiB must be 2048 to 8192 in steps of 1024 with a taskCpu of 1024, got 1024"},
		"rejects more than all tasks on Spot": {
			one + `,"spotPercent":101`, "",
			"environments.dev.spotPercent must be 0 to 100, got 101; leave it out for 0",
		},
		"rejects an unknown way to deploy": {
			one + `,"deployment":"blue"`, "",
			`environments.dev.deployment must be one of canary, linear, rolling, got "blue"; ` +
				"leave it out for canary, or rolling where everything is disposable",
		},
		"rejects networks that overlap": {two + `,"vpcCidrs":{"eu-west-1":"10.1.0.0/17"}`, "",
			`environments.dev.vpcCidrs.eu-west-1 must not overlap the network of eu-central-1, 10.1.0.0/16, got "10.1.0.0/17"`},
		"rejects a network of no region": {two + `,"vpcCidrs":{"us-east-1":"10.9.0.0/16"}`, "",
			"environments.dev.vpcCidrs.us-east-1 must be for one of the regions eu-west-1, eu-central-1; leave it out"},
		"rejects four zones": {
			one + `,"zones":4`, "", "environments.dev.zones must be 2 or 3, got 4; leave it out for 3",
		},
		"rejects more NAT gateways than zones": {one + `,"zones":2,"natGateways":3`, "",
			"environments.dev.natGateways must be 1 to zones, here 2, got 3; leave it out for 1"},
		"rejects a machine without a name": {one + `,"machineClients":["line-1",""]`, "",
			"environments.dev.machineClients[1] must be set to 1 to 64 letters, digits and hyphens, beginning with " +
				"a letter"},
		"rejects a scope that is none": {
			one + `,"machineClients":["line-1",{"name":"cleaner","scopes":["sensor-flow/read","admin"]}]`, "",
			"environments.dev.machineClients[1].scopes[1] must be one of sensor-flow/read, sensor-flow/write, " +
				`sensor-flow/admin, got "admin"`,
		},
		"rejects a scope twice": {
			one + `,"machineClients":[{"name":"m","scopes":["sensor-flow/admin","sensor-flow/admin"]}]`, "",
			`environments.dev.machineClients[0].scopes[1] must be given once, got "sensor-flow/admin" again`,
		},
		"rejects a machine without scopes": {
			one + `,"machineClients":[{"name":"m","scopes":[]}]`, "",
			"environments.dev.machineClients[0].scopes must list at least one scope; leave it out for " +
				"sensor-flow/read, sensor-flow/write",
		},
		"rejects a nameless object": {
			one + `,"machineClients":[{"scopes":["sensor-flow/read"]}]`, "",
			"environments.dev.machineClients[0].name must be set to 1 to 64 letters",
		},
		"rejects a name in both forms": {
			one + `,"machineClients":["m",{"name":"m"}]`, "",
			`environments.dev.machineClients[1].name must be given once, got "m" again`,
		},
		"rejects an unknown key of a machine": {
			one + `,"machineClients":[{"name":"m","scope":"sensor-flow/read"}]`, "",
			"environments.dev.machineClients[0].scope is not a key; accepted are name, scopes",
		},
		"rejects a text for scopes": {
			one + `,"machineClients":[{"name":"m","scopes":"sensor-flow/read"}]`, "",
			"environments.dev.machineClients[0].scopes must be a list of texts, got a text",
		},
		"rejects a text for machines": {
			one + `,"machineClients":"m"`, "",
			"environments.dev.machineClients must be a list of texts or objects, got a text",
		},
		"rejects too many partitions": {
			one + `,"indexShards":257`, "",
			"environments.dev.indexShards must be 1 to 256, got 257; leave it out for 8",
		},
		"rejects too many buckets": {
			one + `,"fleetBuckets":257`, "",
			"environments.dev.fleetBuckets must be 1 to 256, got 257; leave it out for 8",
		},
		"rejects a single function": {
			one + `,"csvConcurrency":1`, "",
			"environments.dev.csvConcurrency must be 2 to 1000, got 1; leave it out for 4",
		},
		"rejects a request limit of none": {
			one + `,"requestLimit":9`, "",
			"environments.dev.requestLimit must be 10 to 2000000000, got 9; leave it out for 6000",
		},
		"rejects a log of some other requests": {
			one + `,"firewallLog":"counted"`, "",
			`environments.dev.firewallLog must be one of refused, all, got "counted"; leave it out for refused`,
		},
		"rejects a window that hides fresh readings": {
			one + `,"aggregationWindowSeconds":3`, "",
			"environments.dev.aggregationWindowSeconds must be 0 to 2, got 3; leave it out for 1",
		},
		"rejects a week and a day of logs": {one + `,"logRetentionDays":8`, "",
			"environments.dev.logRetentionDays must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, " +
				"545, 731, 1096, 1827, 3653, got 8; leave it out for 30"},

		"rejects an unknown key": {
			one + `,"taskMin":5`, "", "environments.dev.taskMin is not a key; accepted are account, regions",
		},
		"rejects capitals in a key": {
			one + `,"tasksmin":5`, "", "environments.dev.tasksmin is not a key; accepted are account, regions",
		},
		"rejects an unknown key below": {
			one + `,"domain":{"host":"a","name":"api.example.com","hostedZoneId":"Z0123456789","hostedZoneName":"example.com"}`, "", "environments.dev.domain.host is not a key; accepted are name, hostedZoneId, hostedZoneName",
		},
		"rejects an unknown key beside": {one, `,"environment":{}`,
			"environment is not a key; accepted are environments, pipeline"},
		"rejects a text for a number": {
			one + `,"tasksMin":"5"`, "", "environments.dev.tasksMin must be a whole number, got a text",
		},
		"rejects a part of a day": {
			one + `,"retentionDays":1.5`, "", "environments.dev.retentionDays must be a whole number, got 1.5",
		},
		"rejects a list of numbers": {
			one + `,"machineClients":["a",5]`, "",
			"environments.dev.machineClients[1] must be a text or an object, got a number",
		},
		"rejects a text for an object": {
			one + `,"domain":"api.example.com"`, "", "environments.dev.domain must be an object, got a text",
		},
		"rejects a list for a text": {
			one + `,"domain":{"name":["api.example.com"],"hostedZoneId":"Z0123456789","hostedZoneName":"example.com"}`,
			"", "environments.dev.domain.name must be a text, got a list",
		},
		"rejects a list for yes": {
			one + `,"disposable":[]`, "", "environments.dev.disposable must be true or false, got a list",
		},
		"rejects what is no environment": {one, `,"pipeline":true`,
			"pipeline must be an object, got true or false"},
		"rejects all mistakes at once": {`"regions":["eu-west-1"],"spotPercent":101,"taskMin":5,"zones":"2"`, "",
			noAccount + "\n" +
				"environments.dev.spotPercent must be 0 to 100, got 101; leave it out for 0\n" +
				"environments.dev.taskMin is not a key; accepted are account, regions, leaving, adopted, " +
				"alarmEmails, domain, allowedOrigins, retentionDays, tasksMin, tasksMax, taskCpu, taskMemoryMiB, " +
				"spotPercent, deployment, vpcCidrs, zones, natGateways, machineClients, indexShards, fleetBuckets, " +
				"csvConcurrency, requestLimit, firewallLog, aggregationWindowSeconds, logRetentionDays, disposable, approval\n" +
				"environments.dev.zones must be a whole number, got a text"},

		"rejects a pipeline of an unknown environment": {
			one, `,"pipeline":{` + source + `,"environments":["prod"]}`,
			`pipeline.environments[0] must be one of the environments dev, got "prod"`,
		},
		"rejects networks of no region at all": {`"account":"111122223333","regions":[],"vpcCidrs":{"eu-west-1":"10.0.0.0/16"}`, "",
			"environments.dev.regions must list 1 to 10 regions, got 0"},
		"rejects a pipeline without a source": {one, `,"pipeline":{}`,
			"pipeline.connectionArn must be set to the ARN of a connection of CodeConnections\npipeline.repository " +
				"must be set to owner/name"},
		"rejects a pipeline nowhere": {one, `,"pipeline":{` + source + `,"account":"1","branch":"","region":"mars"}`,
			"pipeline.account must be an account number of 12 digits, got \"1\"\npipeline.branch must be set to the " +
				"name of a branch\npipeline.region must be one of af-south-1, "},
		"rejects what the pipeline would take over once": {`"regions":[]`, `,"pipeline":{` + source + `}`,
			noAccount + "\nenvironments.dev.regions must list 1 to 10 regions, got 0"},
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

func TestLoad_RejectsNamesThatStacksCannotHave(t *testing.T) {
	for name, want := range map[string]string{
		"Dev_1": "environments.Dev_1 must be named by at most 16 lower-case letters and digits, " +
			"beginning with a letter",
		"a2345678901234567": "environments.a2345678901234567 must be named by at most 16 lower-case letters and " +
			"digits, beginning with a letter",
		"pipeline": "environments.pipeline must have another name: the stack of the delivery pipeline has " +
			"this one",
		"a234567890123456": "",
	} {
		_, err := config.Load(fmt.Appendf(nil, `{"sensorflow":{"environments":{%q:{%s}}}}`, name, two),
			config.Defaults{})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("error %q, want %q", got, want)
		}
	}
}

func TestLoad_SaysWhatIsMissingAltogether(t *testing.T) {
	for context, want := range map[string]string{
		`{}`:                                 "context.sensorflow must be set in cdk.json",
		`{"sensorflow":{}}`:                  "environments must name at least one environment",
		`{"sensorflow":[]}`:                  "context.sensorflow must be an object, got a list",
		`nonsense`:                           "the context is not a JSON object",
		`{"sensorflow":{"environments":{}}}`: "environments must name at least one environment",
		`{"sensorflow":{"environments":{"dev":null}}}`: "environments.dev.account must be set to an account number " +
			"of 12 digits; no credentials are in use that tell one\n" +
			"environments.dev.regions must list 1 to 10 regions, got 0",
		`{"sensorflow":{"environments":{},"pipeline":{` + source + `,"environments":["dev"],"region":"eu-west-1"}}}`: "environments must name at " +
			"least one environment",
	} {
		_, err := config.Load([]byte(context), config.Defaults{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "environments ,") {
			t.Errorf("%s: error %v, want %s", context, err, want)
		}
	}
}

func TestNotes_TellWhatMoreThanTwoRegionsMean(t *testing.T) {
	c, err := config.Load(context(`"account":"111122223333","regions":["eu-west-1","eu-central-1","af-south-1"]`, ""),
		config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	notes := c.Notes()
	if len(notes) != 2 || !strings.Contains(notes[0], "add one, deploy") ||
		!strings.Contains(notes[1], "In af-south-1 people sign in through eu-west-1") {
		t.Errorf("notes %q", notes)
	}
}

func TestOnly_KeepsOneEnvironment(t *testing.T) {
	c, err := config.Load([]byte(`{"sensorflow":{"environments":{"dev":{`+two+`},"prod":{`+two+`}}}}`),
		config.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	only, err := c.Only("prod")
	if _, kept := only.Environments["prod"]; err != nil || !kept || len(only.Environments) != 1 {
		t.Errorf("got %v, error %v", only, err)
	}
	_, err = c.Only("test")
	if err == nil || err.Error() != "the context key env must be one of the environments dev, prod, got test" {
		t.Errorf("error %v", err)
	}
}
