package rule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// verdicts are values at the edges of a rule: those that it accepts and their neighbours that it refuses.
type verdicts[T any] struct {
	name            string
	judge           func(key string, value T) rule.Faults
	accept, refuse  []T
	refusedSentence string // about the first that is refused, under the key "Key"
}

func (v verdicts[T]) check(t *testing.T) {
	t.Helper()
	for _, value := range v.accept {
		if faults := v.judge("Key", value); len(faults) > 0 {
			t.Errorf("%s %v: %v", v.name, value, faults)
		}
	}
	for i, value := range v.refuse {
		faults := v.judge("Key", value)
		switch {
		case len(faults) != 1 || faults[0].Field != "Key":
			t.Errorf("%s %v: got %v, want one fault of Key", v.name, value, faults)
		case i == 0 && !strings.Contains(faults.Error(), v.refusedSentence):
			t.Errorf("%s %v:\ngot  %v\nwant %s", v.name, value, faults, v.refusedSentence)
		}
	}
}

func name(charsMax int) func(key, got string) rule.Faults {
	return func(key, got string) rule.Faults { return rule.Name(key, got, charsMax) }
}

func TestRules_JudgeTexts(t *testing.T) {
	long := strings.Repeat
	for _, v := range []verdicts[string]{
		{
			"account", rule.Account, []string{"000000000000", "111122223333"}, []string{"11112222333", "1111222233334", "11112222333a", ""},
			`Key must be an account number of 12 digits, got "11112222333"`,
		},
		{
			"name", name(40), []string{"a", "Sensor-Flow", "A" + long("-", 39)}, []string{"1st", "a_b", "a" + long("b", 40), "", "a/b", "é"},
			`Key must be 1 to 40 letters, digits and hyphens, beginning with a letter, got "1st"`,
		},
		{
			"domain", rule.Domain,
			[]string{"example.com", "a.bc", "1.example.com", "api.example.xn--p1ai", long("a", 52) + ".example.com", "a-b.example.com"},
			[]string{"API.example.com", long("a", 53) + ".example.com", "example", "example.com.", "-a.example.com", "a-.example.com", "a..b", "*.example.com", "a b.com", "1.2.3.4", ""},
			`Key must be a domain name in lower case of at most 64 characters, such as api.example.com, got "API.example.com"`,
		},
		{
			"zone", rule.HostedZone, []string{"example.com", strings.TrimSuffix(long("abcdefg.", 31), ".") + ".co"}, []string{"example.com.", long("abcdefg.", 32), ""},
			`Key must be a domain name in lower case such as example.com, got "example.com."`,
		},
		{
			"zone id", rule.HostedZoneID, []string{"Z01234", "Z" + long("A", 31)}, []string{"Z0123", "Z" + long("A", 32), "A01234", "z01234", ""},
			`Key must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ, got "Z0123"`,
		},
		{
			"region", rule.Region, []string{"eu-west-1", "af-south-1"}, []string{"eu-west-9", "Ireland", ""},
			`, us-west-1, us-west-2, got "eu-west-9"`,
		},
		{
			"network", rule.Network,
			[]string{"10.0.0.0/16", "10.255.252.0/22", "172.16.0.0/16", "172.31.0.0/16", "192.168.0.0/16"},
			[]string{"172.32.0.0/16", "172.15.0.0/16", "11.0.0.0/16", "192.169.0.0/16", "10.0.0.1/16", "10.0.0.0/15", "10.0.0.0/23", "10.0.0.0", "fd00::/16", ""},
			`Key must be a private IPv4 range of /16 to /22 such as 10.0.0.0/16, got "172.32.0.0/16"; private are 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16`,
		},
		{
			"endpoint", rule.Endpoint, []string{"https://issuer.example/p", "http://localhost:1/x", "http://127.0.0.1/x", "http://[::1]:9"},
			[]string{"http://issuer.example/p", "nowhere", "ftp://localhost", "https://", ""},
			`Key must be an absolute https URL, or an http one of this machine, got "http://issuer.example/p"`,
		},
	} {
		v.check(t)
	}
}

func TestOrigin_TakesWhatABrowserSends(t *testing.T) {
	verdicts[string]{
		"origin", rule.Origin,
		[]string{
			"https://app.example.com", "https://app.example.com:8443", "https://app.example.com:80", "https://app.example.com:1", "https://app.example.com:65535",
			"https://localhost", "https://my_app.example.com", "https://xn--bcher-kva.example", "https://10.0.0.1", "https://[2001:db8::1]:8443", "https://a",
			"http://localhost", "http://localhost:3000", "http://localhost:443", "http://127.0.0.1:3000", "http://127.8.8.8", "http://[::1]", "http://[::1]:3000",
		},
		[]string{
			"https://app.example.com:443", // which a browser leaves out
			"http://localhost:80", "https://app.example.com:", "https://app.example.com:0", "https://app.example.com:65536", "https://app.example.com:0443", "https://app.example.com:+1",
			"http://app.example.com", "http://10.0.0.1", "http://[2001:db8::1]", "http://localhost.example.com",
			"*", "https://*.example.com", "https://", "https://app.example.com/", "https://app.example.com/x", "https://app.example.com?x", "https://app.example.com#x",
			"https://APP.example.com", "HTTPS://app.example.com", "https://user@app.example.com", "https://a.example,https://b.example", "https://a b", " https://a.example",
			"https://1.2.3", "https://01.2.3.4", "https://a.256", "https://0x7f.1", "https://a.0xf", "https://[2001:db8:0::1]", "https://[::ffff:1.2.3.4]", "https://[::1%25eth0]",
			"https://2001:db8::1", "https://[::1", "https://a..b", "https://-a.b", "https://app.example.com.", "https://bücher.example", "app.example.com", "ftp://localhost", "null", "",
		},
		`Key must be an origin such as https://app.example.com, or http://localhost:3000 for this machine, got "https://app.example.com:443"`,
	}.check(t)
}

func TestDeployment_TakesTheThreeWays(t *testing.T) {
	verdicts[string]{
		"deployment", rule.Deployment, []string{"", "canary", "linear", "rolling"},
		[]string{"blue", "Canary", "canary ", "all"},
		`Key must be one of canary, linear, rolling, got "blue"; leave it out for canary, or rolling where everything is disposable`,
	}.check(t)
	verdicts[string]{
		"firewall log", rule.FirewallLog, []string{"", "refused", "all"}, []string{"counted", "All"},
		`Key must be one of refused, all, got "counted"; leave it out for refused`,
	}.check(t)
}

func TestRules_JudgeNumbers(t *testing.T) {
	for _, v := range []verdicts[int]{
		{"shards", rule.Shards, []int{1, 256}, []int{0, 257, -1}, "Key must be 1 to 256, got 0; leave it out for 8"},
		{"CSV concurrency", rule.CSVConcurrency, []int{2, 1000}, []int{1, 1001}, "Key must be 2 to 1000, got 1; leave it out for 4"},
		{"request limit", rule.RequestLimit, []int{10, 2_000_000_000}, []int{9, 2_000_000_001}, "Key must be 10 to 2000000000, got 9; leave it out for 6000"},
		{"aggregation window in seconds", rule.AggregationWindowSeconds, []int{0, 1, 2}, []int{3, -1}, "Key must be 0 to 2, got 3; leave it out for 1"},
		{"Spot", rule.SpotPercent, []int{0, 100}, []int{-1, 101}, "Key must be 0 to 100, got -1; leave it out for 0"},
		{"proxies", rule.TrustedProxies, []int{0, 5}, []int{-1, 6}, "Key must be 0 to 5, got -1; leave it out for 0"},
		{"retention in days", rule.RetentionDays, []int{0, 1, 36500}, []int{-1, 36501}, "Key must be 1 to 36500, got -1; leave it out to keep readings for ever"},
		{"log retention", rule.LogRetentionDays, []int{1, 30, 3653}, []int{0, 2, 3654, -1}, "731, 1096, 1827, 3653, got 0; leave it out for 30"},
	} {
		v.check(t)
	}
	for _, v := range []verdicts[time.Duration]{
		{
			"retention", rule.Retention, []time.Duration{0, 24 * time.Hour, 36500 * 24 * time.Hour},
			[]time.Duration{24*time.Hour - 1, -24 * time.Hour, time.Nanosecond, 36500*24*time.Hour + 1},
			"Key must be at least 24h, got 23h59m59.999999999s; leave it out to keep readings for ever",
		},
		{"drain timeout", rule.DrainTimeout, []time.Duration{time.Second, 25 * time.Second}, []time.Duration{25*time.Second + 1, time.Second - 1, 0}, "Key must be 1s to 25s, got 25.000000001s; leave it out for 20s"},
		{"aggregation window", rule.AggregationWindow, []time.Duration{0, time.Second, 2 * time.Second}, []time.Duration{1500 * time.Millisecond, 3 * time.Second, -time.Second}, "Key must be whole seconds up to 2s, got 1.5s; leave it out for 1s"},
		{"cache", rule.AggregateCacheTTL, []time.Duration{0, 2 * time.Second}, []time.Duration{-1, 2*time.Second + 1}, "Key must be 0s to 2s, got -1ns; leave it out for 2s"},
	} {
		v.check(t)
	}
}

// sentences are faults and what they say; none for what is accepted.
type sentences map[string]struct {
	faults rule.Faults
	want   string
}

func (s sentences) check(t *testing.T) {
	t.Helper()
	for name, c := range s {
		if got := c.faults.Error(); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestRules_JudgePairs(t *testing.T) {
	tasks := func(least, most int) rule.Faults { return rule.Tasks("least", least, "most", most) }
	size := func(cpu, memory int) rule.Faults { return rule.TaskSize("cpu", cpu, "memory", memory) }
	zones := func(zones, gateways int, regions ...string) rule.Faults {
		return rule.Zones("zones", zones, "gateways", gateways, regions...)
	}
	sentences{
		"one task":                       {tasks(1, 1), ""},
		"a thousand":                     {tasks(1000, 1000), ""},
		"no task":                        {tasks(0, 0), "least must be 1 to 1000, got 0; leave it out for 3\nmost must be 1 to 1000, got 0; leave it out for 60"},
		"too many":                       {tasks(1001, 1001), "least must be 1 to 1000, got 1001; leave it out for 3\nmost must be 1 to 1000, got 1001; leave it out for 1000"},
		"less at most than at least":     {tasks(5, 4), "most must be at least least, 5, got 4; leave it out for 60"},
		"more at least than the default": {tasks(100, 4), "most must be at least least, 100, got 4; leave it out for 100"},
		"no CPU":                         {size(300, 1024), "cpu must be one of 256, 512, 1024, 2048, 4096, 8192, 16384, got 300; leave it out for 512"},
		"too little for the API":         {size(256, 512), "memory must be 1024 to 2048 in steps of 1024 with a cpu of 256, got 512"},
		"between two steps":              {size(8192, 17408), "memory must be 16384 to 61440 in steps of 4096 with a cpu of 8192, got 17408"},
		"zones by default":               {zones(0, 0), ""},
		"two zones":                      {zones(2, 2, "eu-west-1"), ""},
		"three zones":                    {zones(3, 3, "eu-west-1"), ""},
		"one zone":                       {zones(1, 0, "eu-west-1"), "zones must be 2 or 3, got 1; leave it out for 3"},
		"four zones":                     {zones(4, 0, "us-west-1"), "zones must be 2 or 3, got 4; leave it out for 2"},
		"a gateway too many":             {zones(2, 3, "eu-west-1"), "gateways must be 1 to zones, here 2, got 3; leave it out for 1"},
		"less than no gateway":           {zones(3, -1, "eu-west-1"), "gateways must be 1 to zones, here 3, got -1; leave it out for 1"},
		"a zone that is not there":       {zones(3, 0, "us-west-1"), "zones must be 2 in us-west-1, which has no more, got 3; leave it out for 2"},
		"a zone that is not everywhere": {zones(3, 0, "eu-west-1", "us-west-1"),
			"zones must be 2 in us-west-1, which has no more, got 3; leave it out for as many as each region has, 3 at most"},
		"a gateway for a zone that is not there": {zones(0, 3, "eu-west-1", "us-west-1"), "gateways must be 1 to zones, here 2, got 3; leave it out for 1"},
		"its zone":                               {rule.InZone("name", "api.example.com", "example.com"), ""},
		"the zone itself":                        {rule.InZone("name", "example.com", "example.com"), ""},
		"a zone of like name":                    {rule.InZone("name", "api.myexample.com", "example.com"), `name must lie in the hosted zone example.com, got "api.myexample.com"`},
	}.check(t)
}

// TestTaskSize_TakesFargatesPairs counts the pairs that Fargate documents, except those of less than a GiB.
func TestTaskSize_TakesFargatesPairs(t *testing.T) {
	for cpu, want := range map[int]int{256: 2, 512: 4, 1024: 7, 2048: 13, 4096: 23, 8192: 12, 16384: 12} {
		accepted := 0
		for memory := 0; memory <= 200_000; memory += 256 {
			if len(rule.TaskSize("cpu", cpu, "memory", memory)) == 0 {
				accepted++
			}
		}
		if accepted != want {
			t.Errorf("%d CPU units go with %d sizes of memory, want %d", cpu, accepted, want)
		}
	}
}

func TestRules_JudgeLists(t *testing.T) {
	many := func(format string, n int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(format, i)
		}
		return all
	}
	eleven := []string{
		"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1",
	}
	replicating := "ap-northeast-1, ap-northeast-2, ap-south-1, ap-southeast-1, ap-southeast-2, ca-central-1, eu-central-1, eu-north-1, " +
		"eu-west-1, eu-west-2, eu-west-3, sa-east-1, us-east-1, us-east-2, us-west-1, us-west-2"
	sentences{
		"one region":               {rule.Regions("regions[*]", eleven[:1]), ""},
		"ten regions":              {rule.Regions("regions[*]", eleven[:10]), ""},
		"a third without replica":  {rule.Regions("regions[*]", []string{"eu-west-1", "us-east-1", "af-south-1"}), ""},
		"one alone without":        {rule.Regions("regions[*]", []string{"af-south-1"}), ""},
		"eleven regions":           {rule.Regions("regions[*]", eleven), "regions must list 1 to 10 regions, got 11"},
		"no region":                {rule.Regions("regions[*]", nil), "regions must list 1 to 10 regions, got 0"},
		"a region twice":           {rule.Regions("regions[*]", []string{"eu-west-1", "eu-west-1"}), `regions[1] must be given once, got "eu-west-1" again`},
		"a second without replica": {rule.Regions("regions[*]", []string{"eu-west-1", "eu-south-1"}), "regions[1] must be one of " + replicating + `, between which Cognito replicates user pools, as the first two of several regions are, got "eu-south-1"`},
		"a region leaves":          {rule.Leaving("leaving[*]", eleven[1:3], eleven[:3]), ""},
		"the first one leaves":     {rule.Leaving("leaving[*]", eleven[:2], eleven[:3]), `leaving[0] must be one of the regions other than the first, got "us-east-1"`},
		"a stranger leaves, twice": {rule.Leaving("leaving[*]", []string{"us-east-2", "mars", "us-east-2"}, eleven[:3]),
			"leaving[1] must be one of the regions other than the first, got \"mars\"\nleaving[2] must be given once, got \"us-east-2\" again"},
		"a region has left":  {rule.Adopted("adopted[*]", eleven[2:3], eleven[:2]...), ""},
		"a region is nobody": {rule.Adopted("adopted[*]", []string{"mars"}, "mars"), rule.Region("adopted[0]", "mars").Error()},
		"a region serves, another is given twice": {rule.Adopted("adopted[*]", []string{"us-east-2", "eu-west-1", "eu-west-1"}, eleven[:3]...),
			"adopted[0] must not be one of the regions that serve, got \"us-east-2\"; a region is adopted once its stack is gone\n" +
				"adopted[2] must be given once, got \"eu-west-1\" again"},
		"addresses":       {rule.Emails("to[*]", []string{"ops@example.com", "Ops+sf@Example.com", "a@b.co", strings.Repeat("a", 64) + "@example.com"}), ""},
		"an address long": {rule.Emails("to[*]", []string{strings.Repeat("a", 243) + "@example.com"}), fmt.Sprintf("to[0] must be an e-mail address such as ops@example.com, got %q", strings.Repeat("a", 243)+"@example.com")},
		"no addresses": {rule.Emails("to[*]", []string{"nobody", "Ada <ada@example.com>", "ada@localhost", "ada@example.com", "ada@example.com", ""}),
			"to[0] must be an e-mail address such as ops@example.com, got \"nobody\"\n" +
				"to[1] must be an e-mail address such as ops@example.com, got \"Ada <ada@example.com>\"\n" +
				"to[2] must be an e-mail address such as ops@example.com, got \"ada@localhost\"\n" +
				"to[4] must be given once, got \"ada@example.com\" again\n" +
				"to[5] must be set to an e-mail address such as ops@example.com"},
		"origins":            {rule.Origins("ORIGINS", many("https://a%d.example", 99)), ""},
		"an origin too many": {rule.Origins("origins[*]", many("https://a%d.example", 100)), "origins must list at most 99, got 100"},
		"an origin again":    {rule.Origins("ORIGINS", []string{"https://a.example", "https://a.example"}), `ORIGINS must be given once, got "https://a.example" again`},
		"machines":           {rule.MachineClients("machines", machines(many("m%d", 100)...)), ""},
		"a machine too many": {rule.MachineClients("machines", machines(many("m%d", 101)...)), "machines must list at most 100, got 101"},
		"a machine again":    {rule.MachineClients("machines", machines("m", "m")), `machines[1].Name must be given once, got "m" again`},
		"the smoke tests' own": {rule.MachineClients("machines", machines("smoketest")),
			`machines[0].Name must have another name: the client of the smoke tests has this one, got "smoketest"`},
		"all scopes":        {scoped(contract.Scopes()...), ""},
		"scopes by default": {rule.MachineClients("machines", []rule.MachineClient{{NameKey: "name", Name: "m", ScopesKey: "scopes[*]"}}), ""},
		"an empty list of scopes": {rule.MachineClients("machines", []rule.MachineClient{{NameKey: "name", Name: "m", ScopesKey: "scopes[*]", Scopes: []string{}}}),
			"scopes must list at least one scope; leave it out for sensor-flow/read, sensor-flow/write"},
		"another scope": {scoped(contract.ScopeAdmin, "admin"), `scopes[1] must be one of sensor-flow/read, sensor-flow/write, sensor-flow/admin, got "admin"`},
		"a scope again": {scoped(contract.ScopeAdmin, contract.ScopeAdmin), `scopes[1] must be given once, got "sensor-flow/admin" again`},
		"a name and a scope": {rule.MachineClients("machines", []rule.MachineClient{{NameKey: "name", Name: "a m", ScopesKey: "scopes[*]", Scopes: []string{""}}}),
			"name must be 1 to 64 letters, digits and hyphens, beginning with a letter, got \"a m\"\n" +
				"scopes[0] must be set to one of sensor-flow/read, sensor-flow/write, sensor-flow/admin"},
	}.check(t)
}

func TestNetworks_MustNotOverlap(t *testing.T) {
	regions := []string{"eu-west-1", "eu-central-1", "us-east-1"}
	networks := func(given map[string]string) rule.Faults { return rule.Networks("cidrs.*", given, regions) }
	sentences{
		"defaults":      {networks(nil), ""},
		"neighbours":    {networks(map[string]string{"eu-west-1": "10.3.0.0/17", "eu-central-1": "10.3.128.0/17", "us-east-1": ""}), ""},
		"two written":   {networks(map[string]string{"eu-west-1": "10.3.0.0/16", "us-east-1": "10.3.128.0/17"}), `cidrs.us-east-1 must not overlap the network of eu-west-1, 10.3.0.0/16, got "10.3.128.0/17"`},
		"one written":   {networks(map[string]string{"eu-west-1": "10.2.0.0/16"}), `cidrs.eu-west-1 must not overlap the network of us-east-1, 10.2.0.0/16, got "10.2.0.0/16"`},
		"not a network": {networks(map[string]string{"eu-central-1": "10.0.0.0/8"}), `cidrs.eu-central-1 must be a private IPv4 range of /16 to /22 such as 10.0.0.0/16, got "10.0.0.0/8"`},
		"of no region":  {networks(map[string]string{"mars": "10.9.0.0/16"}), "cidrs.mars must be for one of the regions eu-west-1, eu-central-1, us-east-1; leave it out"},
	}.check(t)
}

func machines(names ...string) []rule.MachineClient {
	var all []rule.MachineClient
	for i, name := range names {
		all = append(all, rule.MachineClient{NameKey: fmt.Sprintf("machines[%d].Name", i), Name: name})
	}
	return all
}

func scoped(scopes ...string) rule.Faults {
	return rule.MachineClients("machines", []rule.MachineClient{{NameKey: "name", Name: "m", ScopesKey: "scopes[*]", Scopes: scopes}})
}
