package rules_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	deployment "github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/stacks"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestMain(m *testing.M) { cdktest.Main(m) }

// keys are members of an environment in cdk.json.
type keys map[string]any

// load reads an environment that has these keys beside those that it cannot do without.
func load(t *testing.T, with keys) (deployment.Environment, error) {
	t.Helper()
	environment := keys{"account": "111122223333", "regions": []string{"eu-west-1", "eu-central-1"}}
	maps.Copy(environment, with)
	raw, err := json.Marshal(map[string]any{deployment.ContextKey: map[string]any{"environments": map[string]any{"dev": environment}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := deployment.Load(raw, deployment.Defaults{})
	return c.Environments["dev"], err
}

// programs are the deployed ones, by how they read their environment.
func programs() map[string]func(environ []string) error {
	return map[string]func([]string) error{
		"api":          func(environ []string) error { _, err := config.LoadAPI(environ); return err },
		"csvprocessor": func(environ []string) error { _, err := config.LoadCSVProcessor(environ); return err },
		"repairer":     func(environ []string) error { _, err := config.LoadRepairer(environ); return err },
		"aggregator":   func(environ []string) error { _, err := config.LoadAggregator(environ); return err },
	}
}

// environ is the environment of a program with these variables beside those that are known at deployment only.
func environ(with map[string]string) []string {
	all := map[string]string{
		contract.EnvRegion: "eu-west-1", contract.EnvReadingsTable: "r", contract.EnvAggregatesTable: "a", contract.EnvUploadsTable: "u",
		contract.EnvRevocationsTable: "v", contract.EnvUploadsBucket: "b", contract.EnvCSVQueueURL: "https://queue.example/q",
		contract.EnvStreamFailuresURL: "https://queue.example/f", contract.EnvStreamDeadLettersURL: "https://queue.example/d",
		contract.EnvUserPoolID: "p", contract.EnvUserPoolIssuer: "https://issuer.example/p", contract.EnvUserPoolClientID: "c",
		contract.EnvUserPoolClientSecret: "s",
	}
	maps.Copy(all, with)
	var list []string
	for key, value := range all {
		list = append(list, key+"="+value)
	}
	return list
}

// variables are those by which the construct hands what is configured on to the programs of a region.
// TestConstruct_SetsTheseVariables holds them to what is synthesized.
func variables(p *sensorflow.MultiRegionProps, region string) map[string]string {
	all := map[string]string{
		contract.EnvIndexShards: fmt.Sprint(p.Flow.IndexShards), contract.EnvFleetBuckets: fmt.Sprint(p.Flow.FleetBuckets),
	}
	if p.Flow.Retention != 0 {
		all[contract.EnvRetention] = p.Flow.Retention.String()
	}
	if len(p.Flow.AllowedOrigins) > 0 {
		all[contract.EnvAllowedOrigins] = strings.Join(p.Flow.AllowedOrigins, ",")
	}
	if p.Domain != nil {
		all[contract.EnvPublicURL] = "https://" + p.Domain.Name
	}
	if region == p.Regions[0] && len(p.Adopted) > 0 {
		all[contract.EnvAdoptedRegions] = strings.Join(p.Adopted, ",")
	}
	if slices.Index(p.Regions, region) >= contract.PoolRegionsMax {
		all[contract.EnvUserPoolRegion] = p.Regions[0]
	}
	return all
}

func domain(name, id, zone string) keys {
	return keys{"domain": keys{"name": name, "hostedZoneId": id, "hostedZoneName": zone}}
}

func list(format string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return all
}

// accepted are values at the edges of the rules, on the side that is taken.
func accepted() map[string]keys {
	long := strings.Repeat("a", 52) + ".example.com"
	return map[string]keys{
		"nothing but what is required":       {},
		"one region":                         {"regions": []string{"af-south-1"}},
		"ten regions":                        {"regions": strings.Fields("us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-west-1 eu-west-2 eu-west-3 af-south-1")},
		"a region that leaves":               {"leaving": []string{"eu-central-1"}},
		"a region that has left":             {"adopted": []string{"us-east-1"}},
		"alarm addresses":                    {"alarmEmails": []string{"ops@example.com", "Ops+sf@Example.com"}},
		"the longest domain":                 domain(long, "Z01234", "example.com"),
		"a domain that is its zone":          domain("example.com", "Z"+strings.Repeat("A", 31), "example.com"),
		"a domain of another script":         domain("api.example.xn--p1ai", "Z01234", "example.xn--p1ai"),
		"origins with ports":                 {"allowedOrigins": []string{"https://app.example.com:8443", "https://app.example.com:80", "http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"}},
		"the most origins":                   {"allowedOrigins": list("https://a%d.example.com", 99)},
		"the shortest retention":             {"retentionDays": 1},
		"the longest retention":              {"retentionDays": 36500},
		"retention for ever":                 {"retentionDays": 0},
		"one task":                           {"tasksMin": 1, "tasksMax": 1},
		"a thousand tasks":                   {"tasksMin": 1000, "tasksMax": 1000},
		"more tasks than the default's most": {"tasksMin": 61},
		"the smallest task":                  {"taskCpu": 256, "taskMemoryMiB": 1024},
		"the largest small task":             {"taskCpu": 256, "taskMemoryMiB": 2048},
		"the largest task":                   {"taskCpu": 16384, "taskMemoryMiB": 122880},
		"a task in steps of 4 GiB":           {"taskCpu": 8192, "taskMemoryMiB": 20480},
		"no Spot":                            {"spotPercent": 0},
		"all Spot":                           {"spotPercent": 100},
		"steps of a deployment":              {"deployment": "linear"},
		"a deployment by default":            {"deployment": ""},
		"the widest network":                 {"vpcCidrs": map[string]string{"eu-west-1": "172.31.0.0/16"}},
		"the narrowest network":              {"vpcCidrs": map[string]string{"eu-west-1": "192.168.252.0/22"}},
		"a network by default":               {"vpcCidrs": map[string]string{"eu-west-1": ""}},
		"two zones, a gateway in each":       {"zones": 2, "natGateways": 2},
		"three zones, a gateway in each":     {"zones": 3, "natGateways": 3},
		"the two zones of a poor region":     {"regions": []string{"us-west-1", "us-east-1"}, "zones": 2, "natGateways": 2},
		"machines":                           {"machineClients": append(list("M-%d", 99), strings.Repeat("m", 64))},
		"a machine that may delete":          {"machineClients": []any{"m", keys{"name": "n", "scopes": contract.Scopes()}}},
		"a machine of one scope":             {"machineClients": []any{keys{"name": "n", "scopes": []string{contract.ScopeAdmin}}}},
		"the fewest partitions":              {"indexShards": 1, "fleetBuckets": 1},
		"the most partitions":                {"indexShards": 256, "fleetBuckets": 256},
		"the fewest functions":               {"csvConcurrency": 2},
		"the most functions":                 {"csvConcurrency": 1000},
		"the lowest limit of requests":       {"requestLimit": 10},
		"the highest limit of requests":      {"requestLimit": 2_000_000_000},
		"a log of every request":             {"firewallLog": "all"},
		"a log by default":                   {"firewallLog": ""},
		"no window":                          {"aggregationWindowSeconds": 0},
		"the longest window":                 {"aggregationWindowSeconds": 2},
		"logs for a day":                     {"logRetentionDays": 1},
		"logs for ten years":                 {"logRetentionDays": 3653},
	}
}

func TestRules_WhatConfigurationAcceptsNobodyRefuses(t *testing.T) {
	for name, with := range accepted() {
		t.Run(name, func(t *testing.T) {
			e, err := load(t, with)
			if err != nil {
				t.Fatalf("cdk.json: %v", err)
			}
			p := stacks.Props(e)
			if err := p.Validate(); err != nil {
				t.Errorf("props: %v", err)
			}
			for _, region := range p.Regions {
				for program, start := range programs() {
					if err := start(environ(variables(p, region))); err != nil {
						t.Errorf("%s: %v", program, err)
					}
				}
			}
		})
	}
}

// TestRules_EveryLogRetentionHasAName goes through all numbers of days that configuration accepts: the construct takes a name for each.
func TestRules_EveryLogRetentionHasAName(t *testing.T) {
	names := map[string]int{}
	for days := range 4000 {
		if e, err := load(t, keys{"logRetentionDays": days}); err == nil {
			name := string(stacks.Props(e).Flow.LogRetention)
			if before, taken := names[name]; name == "" || taken {
				t.Errorf("%d days are %q, as %d are", days, name, before)
			}
			names[name] = days
		}
	}
	if len(names) < 18 {
		t.Errorf("only %v are accepted", names)
	}
}

// refusal is a value that is refused wherever it is seen, each time under the key that was written there.
type refusal struct {
	cdk keys
	key string // of cdk.json, below the environment
	// set gives the value to the construct, which names prop; nil where a prop cannot hold it.
	set  func(*sensorflow.MultiRegionProps)
	prop string
	// variable and value are what a program reads; empty where none does.
	variable, value string
	programs        []string
}

func flow(set func(*sensorflow.SensorFlowProps)) func(*sensorflow.MultiRegionProps) {
	return func(p *sensorflow.MultiRegionProps) { set(&p.Flow) }
}

func origin(text string) refusal {
	return refusal{
		keys{"allowedOrigins": []string{text}}, "allowedOrigins[0]",
		flow(func(p *sensorflow.SensorFlowProps) { p.AllowedOrigins = []string{text} }), "Flow.AllowedOrigins[0]",
		contract.EnvAllowedOrigins, text, []string{"api"},
	}
}

func named(name, id, zone, key, prop string) refusal {
	return refusal{cdk: domain(name, id, zone), key: "domain." + key, prop: "Domain." + prop, set: func(p *sensorflow.MultiRegionProps) {
		p.Domain = &sensorflow.ZoneDomain{Name: name, HostedZoneId: id, HostedZoneName: zone}
	}}
}

func network(cidr string) refusal {
	return refusal{cdk: keys{"vpcCidrs": map[string]string{"eu-central-1": cidr}}, key: "vpcCidrs.eu-central-1", prop: "VpcCidrs[eu-central-1]", set: func(p *sensorflow.MultiRegionProps) {
		p.VpcCidrs = map[string]string{"eu-central-1": cidr}
	}}
}

func regions(key, prop string, names ...string) refusal {
	return refusal{cdk: keys{"regions": names}, key: key, prop: prop, set: func(p *sensorflow.MultiRegionProps) { p.Regions = names }}
}

func number(key, prop string, value int, set func(*sensorflow.SensorFlowProps)) refusal {
	return refusal{cdk: keys{key: value}, key: key, prop: "Flow." + prop, set: flow(set)}
}

func (r refusal) read(variable, value string, programs ...string) refusal {
	r.variable, r.value, r.programs = variable, value, programs
	return r
}

func size(cpu, memory int, key, prop string) refusal {
	return refusal{cdk: keys{"taskCpu": cpu, "taskMemoryMiB": memory}, key: key, prop: "Flow." + prop, set: flow(func(p *sensorflow.SensorFlowProps) {
		p.TaskCpu, p.TaskMemoryMiB = cpu, memory
	})}
}

func machines(at int, names ...string) refusal {
	return refusal{
		cdk: keys{"machineClients": names}, key: fmt.Sprintf("machineClients[%d]", at), prop: fmt.Sprintf("Flow.MachineClients[%d].Name", at),
		set: flow(func(p *sensorflow.SensorFlowProps) {
			for _, name := range names {
				p.MachineClients = append(p.MachineClients, identity.MachineClient{Name: name})
			}
		}),
	}
}

func scopes(key, prop string, of ...string) refusal {
	of = append([]string{}, of...)
	return refusal{
		cdk: keys{"machineClients": []keys{{"name": "m", "scopes": of}}}, key: key, prop: prop,
		set: flow(func(p *sensorflow.SensorFlowProps) {
			p.MachineClients = []identity.MachineClient{{Name: "m", Scopes: of}}
		}),
	}
}

// refused are values at the edges of the rules, on the other side. A 0 is none for a prop, where it stands for the default.
func refused() map[string]refusal {
	day := 24 * time.Hour
	all := map[string]refusal{
		"a short account": {cdk: keys{"account": "11112222333"}, key: "account", prop: "Account", set: func(p *sensorflow.MultiRegionProps) { p.Account = "11112222333" }},

		"a region that is none":           regions("regions[1]", "Regions[1]", "eu-west-1", "eu-west-9").read(contract.EnvUserPoolRegion, "eu-west-9", "api"),
		"a region twice":                  regions("regions[1]", "Regions[1]", "eu-west-1", "eu-west-1"),
		"no region":                       regions("regions", "Regions"),
		"a region too many":               regions("regions", "Regions", strings.Fields("us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-west-1 eu-west-2 eu-west-3 eu-central-1 eu-north-1")...),
		"a first region without replicas": regions("regions[0]", "Regions[0]", "eu-south-1", "eu-west-1"),
		"a second one without replicas":   regions("regions[1]", "Regions[1]", "eu-west-1", "eu-south-1"),
		"a primary that leaves":           {cdk: keys{"leaving": []string{"eu-west-1"}}, key: "leaving[0]", prop: "Leaving[0]", set: func(p *sensorflow.MultiRegionProps) { p.Leaving = []string{"eu-west-1"} }},

		"a region that serves is adopted": {cdk: keys{"adopted": []string{"eu-west-1"}}, key: "adopted[0]", prop: "Adopted[0]",
			set:      func(p *sensorflow.MultiRegionProps) { p.Adopted = []string{"eu-west-1"} },
			variable: contract.EnvAdoptedRegions, value: "eu-west-1", programs: []string{"aggregator"}},

		"an address without a host": {cdk: keys{"alarmEmails": []string{"ops@localhost"}}, key: "alarmEmails[0]", prop: "Flow.AlarmEmails[0]",
			set: flow(func(p *sensorflow.SensorFlowProps) { p.AlarmEmails = []string{"ops@localhost"} })},
		"an address twice": {cdk: keys{"alarmEmails": []string{"ops@example.com", "ops@example.com"}}, key: "alarmEmails[1]", prop: "Flow.AlarmEmails[1]",
			set: flow(func(p *sensorflow.SensorFlowProps) { p.AlarmEmails = []string{"ops@example.com", "ops@example.com"} })},

		"capitals in a domain":   named("API.example.com", "Z01234", "example.com", "name", "Name").read(contract.EnvPublicURL, "https://API.example.com", "api"),
		"a domain too long":      named(strings.Repeat("a", 53)+".example.com", "Z01234", "example.com", "name", "Name"),
		"another zone's domain":  named("api.myexample.com", "Z01234", "example.com", "name", "Name"),
		"no domain":              named("", "Z01234", "example.com", "name", "Name"),
		"no zone":                named("api.example.com", "Z01234", "", "hostedZoneName", "HostedZoneName"),
		"a zone with a last dot": named("api.example.com", "Z01234", "example.com.", "hostedZoneName", "HostedZoneName"),
		"a short id of a zone":   named("api.example.com", "Z0123", "example.com", "hostedZoneId", "HostedZoneId"),

		"an origin too many": {keys{"allowedOrigins": list("https://a%d.example.com", 100)}, "allowedOrigins",
			flow(func(p *sensorflow.SensorFlowProps) { p.AllowedOrigins = list("https://a%d.example.com", 100) }), "Flow.AllowedOrigins",
			contract.EnvAllowedOrigins, strings.Join(list("https://a%d.example.com", 100), ","), []string{"api"}},
		"an origin twice": {keys{"allowedOrigins": []string{"https://a.example", "https://a.example"}}, "allowedOrigins[1]",
			flow(func(p *sensorflow.SensorFlowProps) {
				p.AllowedOrigins = []string{"https://a.example", "https://a.example"}
			}), "Flow.AllowedOrigins[1]",
			contract.EnvAllowedOrigins, "https://a.example,https://a.example", []string{"api"}},

		"less than no retention": number("retentionDays", "Retention", -1, func(p *sensorflow.SensorFlowProps) { p.Retention = -day }).
			read(contract.EnvRetention, "-24h", "api", "csvprocessor", "aggregator", "repairer"),
		"more than a hundred years": number("retentionDays", "Retention", 36501, func(p *sensorflow.SensorFlowProps) { p.Retention = 36501 * day }).
			read(contract.EnvRetention, "876024h", "api", "csvprocessor", "aggregator", "repairer"),

		"less than no task":         number("tasksMin", "TasksMin", -1, func(p *sensorflow.SensorFlowProps) { p.TasksMin = -1 }),
		"too many tasks at most":    number("tasksMax", "TasksMax", 1001, func(p *sensorflow.SensorFlowProps) { p.TasksMax = 1001 }),
		"fewer at most than always": {cdk: keys{"tasksMin": 5, "tasksMax": 4}, key: "tasksMax", prop: "Flow.TasksMax", set: flow(func(p *sensorflow.SensorFlowProps) { p.TasksMin, p.TasksMax = 5, 4 })},
		"no size of Fargate's":      size(300, 1024, "taskCpu", "TaskCpu"),
		"too little memory":         size(256, 512, "taskMemoryMiB", "TaskMemoryMiB"),
		"memory above the pair's":   size(256, 3072, "taskMemoryMiB", "TaskMemoryMiB"),
		"memory between two steps":  size(8192, 17408, "taskMemoryMiB", "TaskMemoryMiB"),
		"more than all on Spot":     number("spotPercent", "SpotPercent", 101, func(p *sensorflow.SensorFlowProps) { p.SpotPercent = 101 }),

		"no way to deploy": {cdk: keys{"deployment": "blue"}, key: "deployment", prop: "Flow.Deployment",
			set: flow(func(p *sensorflow.SensorFlowProps) { p.Deployment = "blue" })},

		"a network too wide":              network("10.0.0.0/15"),
		"a network too narrow":            network("10.9.0.0/23"),
		"a network of others":             network("172.32.0.0/16"),
		"an address for a network":        network("10.9.0.1/16"),
		"a network that overlaps":         network("10.0.128.0/17"),
		"a network of a region elsewhere": {cdk: keys{"vpcCidrs": map[string]string{"us-east-1": "10.9.0.0/16"}}, key: "vpcCidrs.us-east-1", prop: "VpcCidrs[us-east-1]", set: func(p *sensorflow.MultiRegionProps) { p.VpcCidrs = map[string]string{"us-east-1": "10.9.0.0/16"} }},

		"one zone":   number("zones", "Zones", 1, func(p *sensorflow.SensorFlowProps) { p.Zones = 1 }),
		"four zones": number("zones", "Zones", 4, func(p *sensorflow.SensorFlowProps) { p.Zones = 4 }),
		"three zones where there are two": {cdk: keys{"regions": []string{"us-west-1", "us-east-1"}, "zones": 3}, key: "zones", prop: "Flow.Zones",
			set: func(p *sensorflow.MultiRegionProps) { p.Regions, p.Flow.Zones = []string{"us-west-1", "us-east-1"}, 3 }},
		"a gateway without a zone": {cdk: keys{"zones": 2, "natGateways": 3}, key: "natGateways", prop: "Flow.NatGateways", set: flow(func(p *sensorflow.SensorFlowProps) { p.Zones, p.NatGateways = 2, 3 })},
		"more gateways than zones": number("natGateways", "NatGateways", 4, func(p *sensorflow.SensorFlowProps) { p.NatGateways = 4 }),

		"a machine with a blank":    machines(0, "a machine"),
		"a machine twice":           machines(1, "m", "m"),
		"the smoke tests' machine":  machines(0, contract.SmokeTestClient),
		"a machine's name too long": machines(0, strings.Repeat("m", 65)),
		"a machine's other scope":   scopes("machineClients[0].scopes[0]", "Flow.MachineClients[0].Scopes[0]", "sensor-flow/delete"),
		"a machine's scope twice":   scopes("machineClients[0].scopes[1]", "Flow.MachineClients[0].Scopes[1]", contract.ScopeAdmin, contract.ScopeAdmin),
		"a machine without a scope": scopes("machineClients[0].scopes", "Flow.MachineClients[0].Scopes"),

		"too many partitions":     number("indexShards", "IndexShards", 257, func(p *sensorflow.SensorFlowProps) { p.IndexShards = 257 }).read(contract.EnvIndexShards, "257", "api", "aggregator"),
		"too many buckets":        number("fleetBuckets", "FleetBuckets", 257, func(p *sensorflow.SensorFlowProps) { p.FleetBuckets = 257 }).read(contract.EnvFleetBuckets, "257", "api", "aggregator"),
		"less than no partitions": number("indexShards", "IndexShards", -1, func(p *sensorflow.SensorFlowProps) { p.IndexShards = -1 }).read(contract.EnvIndexShards, "-1", "api", "aggregator"),
		"a single function":       number("csvConcurrency", "CsvConcurrency", 1, func(p *sensorflow.SensorFlowProps) { p.CsvConcurrency = 1 }),
		"too many functions":      number("csvConcurrency", "CsvConcurrency", 1001, func(p *sensorflow.SensorFlowProps) { p.CsvConcurrency = 1001 }),
		"too low a limit":         number("requestLimit", "RequestLimit", 9, func(p *sensorflow.SensorFlowProps) { p.RequestLimit = 9 }),
		"too high a limit":        number("requestLimit", "RequestLimit", 2_000_000_001, func(p *sensorflow.SensorFlowProps) { p.RequestLimit = 2_000_000_001 }),
		"too long a window":       number("aggregationWindowSeconds", "AggregationWindow", 3, func(p *sensorflow.SensorFlowProps) { p.AggregationWindow = 3 * time.Second }),
		"less than no window":     number("aggregationWindowSeconds", "AggregationWindow", -1, func(p *sensorflow.SensorFlowProps) { p.AggregationWindow = -time.Second }),
		"an unknown firewall log": {cdk: keys{"firewallLog": "some"}, key: "firewallLog", prop: "Flow.FirewallLog", set: flow(func(p *sensorflow.SensorFlowProps) { p.FirewallLog = "some" })},
		"eight days of logs":      {cdk: keys{"logRetentionDays": 8}, key: "logRetentionDays"},
	}
	for _, text := range []string{
		"https://app.example.com:443", "http://localhost:80", "https://app.example.com:", "http://app.example.com", "https://APP.example.com", "*",
		"https://*.example.com", "https://app.example.com/", "https://user@app.example.com", "ftp://localhost", "https://1.2.3", "app.example.com",
	} {
		all["the origin "+text] = origin(text)
	}
	return all
}

// fields are the keys that an error speaks about.
func fields(err error) string {
	var all []string
	for _, f := range rule.Of(err) {
		all = append(all, f.Field)
	}
	return strings.Join(all, " ")
}

func TestRules_WhatOneRefusesEachRefusesByItsOwnKey(t *testing.T) {
	for name, r := range refused() {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, r.cdk)
			if got, want := fields(err), "environments.dev."+r.key; got != want {
				t.Errorf("cdk.json: the fault is of %q, want %q: %v", got, want, err)
			}
			if r.set != nil {
				valid, err := load(t, keys{})
				if err != nil {
					t.Fatal(err)
				}
				p := stacks.Props(valid)
				p.Flow.MachineClients = nil
				r.set(p)
				if err := p.Validate(); fields(err) != r.prop {
					t.Errorf("props: the fault is of %q, want %q: %v", fields(err), r.prop, err)
				}
			}
			for _, program := range r.programs {
				if err := programs()[program](environ(map[string]string{r.variable: r.value})); fields(err) != r.variable {
					t.Errorf("%s: the fault is of %q, want %q: %v", program, fields(err), r.variable, err)
				}
			}
		})
	}
}
