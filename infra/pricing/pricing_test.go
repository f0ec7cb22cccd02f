package pricing_test

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/pricing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestPrint_IsOneScreen compares the whole screen with a file, which -update rewrites.
func TestPrint_IsOneScreen(t *testing.T) {
	d, u := deployment(t, object{"New": resource("AWS::New::Thing", nil), "Key": resource("AWS::KMS::Key", nil)}), usage(t)
	var screen strings.Builder
	if err := pricing.Print(&screen, "SensorFlow-dev", pricing.NewEstimate(d, u), pricing.Savings(d, u)); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "screen.golden.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(screen.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if screen.String() != string(want) {
		t.Errorf("the screen is\n%s\nand not\n%s", screen.String(), want)
	}
	lines := strings.Split(strings.TrimSpace(screen.String()), "\n")
	if len(lines) > 50 {
		t.Errorf("%d lines are more than a screen", len(lines))
	}
	for _, line := range lines {
		if len([]rune(line)) > 120 {
			t.Errorf("%d characters are wider than a screen: %s", len([]rune(line)), line)
		}
	}
	if !strings.Contains(screen.String(), "AWS::New::Thing") {
		t.Error("a type without a price is not named")
	}
}

// TestAtRest_CountsEachResource puts one resource more into a region and sees what it adds to a month.
func TestAtRest_CountsEachResource(t *testing.T) {
	u := usage(t)
	u.ReadingsPerSecond = 0
	rest := func(changes object) float64 { return pricing.NewEstimate(deployment(t, changes), u).Total() }
	before := rest(nil)
	for _, c := range []struct {
		name    string
		changes object
		adds    float64
	}{
		{"a task", object{"Target": resource("AWS::ApplicationAutoScaling::ScalableTarget", object{"ServiceNamespace": "ecs", "MinCapacity": 4})}, 730 * (0.5*0.03238 + 0.00356)},
		{"larger tasks", object{"Task": task("1024", "2048")}, 3 * 730 * (0.5*0.03238 + 0.00356)},
		{"another target", object{"Other": resource("AWS::ApplicationAutoScaling::ScalableTarget", object{"ServiceNamespace": "lambda", "MinCapacity": 40})}, 0},
		{"a NAT gateway", object{"Nat2": resource("AWS::EC2::NatGateway", nil)}, 730 * 0.045},
		{"an address", object{"Address2": resource("AWS::EC2::EIP", nil)}, 730 * 0.005},
		{"a public load balancer", object{"LoadBalancer": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", object{"Scheme": "internet-facing", "Subnets": []any{"a", "b", "c"}})}, 3 * 730 * 0.005},
		{"an interface endpoint", object{"Endpoint": resource("AWS::EC2::VPCEndpoint", object{"VpcEndpointType": "Interface", "SubnetIds": []any{"a", "b"}})}, 2 * 730 * 0.01},
		{"a gateway endpoint", object{"Endpoint": resource("AWS::EC2::VPCEndpoint", object{"VpcEndpointType": "Gateway", "SubnetIds": []any{"a", "b"}})}, 0},
		{"a rule", object{"Firewall": resource("AWS::WAFv2::WebACL", object{"Rules": []any{object{}, object{}, object{}}})}, 1},
		{"no firewall", object{"Firewall": nil}, -7},
		{"a key", object{"Key": resource("AWS::KMS::ReplicaKey", nil)}, 1},
		{"a secret with two replicas", object{"Secret": resource("AWS::SecretsManager::Secret", object{"ReplicaRegions": []any{object{"Region": "eu-west-1"}, object{"Region": "us-east-1"}}})}, 1.20},
		{"a health check", object{"Check": resource("AWS::Route53::HealthCheck", object{"HealthCheckConfig": object{"Type": "HTTPS_STR_MATCH", "SearchString": "x", "RequestInterval": 10}})}, 3.50},
		{"an alarm", object{"Alarm": resource("AWS::CloudWatch::Alarm", object{"MetricName": "Errors"})}, 0.10},
		{"an alarm on two metrics", object{"Alarm": resource("AWS::CloudWatch::Alarm", object{"Metrics": []any{object{"Expression": "a + b"}, object{"MetricStat": object{}}, object{"MetricStat": object{}}}})}, 0.20},
		{"a dashboard", object{"Dashboard": resource("AWS::CloudWatch::Dashboard", nil)}, 3},
		{"a metric", object{"Filter": resource("AWS::Logs::MetricFilter", object{"MetricTransformations": []any{object{}}})}, 0.30},
		{"a polled queue", object{"Poll": resource("AWS::Lambda::EventSourceMapping", object{})}, 657_000 * 0.40e-6},
		{"an audit", object{"Audit": resource("AWS::Events::Rule", object{"ScheduleExpression": "rate(1 hour)", "Targets": []any{object{"Arn": object{"Fn::GetAtt": []any{"Aggregator", "Arn"}}}}})}, 730 * (0.20e-6 + 60*0.0000133334)},
		{"a role", object{"Role": resource("AWS::IAM::Role", nil)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if adds := rest(c.changes) - before; math.Abs(adds-c.adds) > 1e-9 {
				t.Errorf("it adds %v, want %v", adds, c.adds)
			}
		})
	}
}

// TestWithReadings_FollowsTheReplicas holds the largest lines to the documented arithmetic.
func TestWithReadings_FollowsTheReplicas(t *testing.T) {
	u := usage(t)
	u.ReadingsPerSecond, u.Equipments = 1, 1
	e := pricing.NewEstimate(deployment(t, nil), u)
	millions := 730 * 3600 / 1e6
	find := func(what string) float64 {
		at := slices.IndexFunc(e.WithReadings, func(l pricing.Line) bool { return strings.HasPrefix(l.What, what) })
		if at < 0 {
			t.Fatalf("there is no line for %s", what)
		}
		return e.WithReadings[at].All() / millions
	}
	// A unit in each of two regions, and each reading once over the wire between them.
	if got, want := find("readings"), 2*0.625+260*0.02/1000; math.Abs(got-want) > 1e-9 {
		t.Errorf("a million readings cost %v, want %v", got, want)
	}
	// One reading a batch: three units of its row and six of the fleet, in each of two regions, and a read unit.
	if got, want := find("aggregates"), 2*9*0.625+0.125+1085*0.02/1000; math.Abs(got-want) > 1e-9 {
		t.Errorf("their aggregates cost %v, want %v", got, want)
	}
	if got, want := find("aggregator"), 0.20+0.05*0.0000133334*1e6; math.Abs(got-want) > 1e-9 {
		t.Errorf("the aggregator costs %v, want %v", got, want)
	}
}

// TestSavings_AreWhatTheChangedTemplatesSave changes the numbers in the templates and compares.
func TestSavings_AreWhatTheChangedTemplatesSave(t *testing.T) {
	u := usage(t)
	u.ReadingsPerSecond = 4000 // for which three tasks are too few
	both := func(changes object) *pricing.Deployment {
		stacks, err := pricing.ReadStacks(assembly(t, map[[2]string]object{
			{"SensorFlow-dev-state", "eu-west-1"}:           state("eu-west-1", "eu-central-1"),
			{"SensorFlow-dev-eu-west-1", "eu-west-1"}:       service(changes),
			{"SensorFlow-dev-eu-central-1", "eu-central-1"}: service(changes),
		}), func(string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		return pricing.Of(stacks)
	}
	now := pricing.NewEstimate(both(nil), u).Total()
	savings := map[string]float64{}
	for _, s := range pricing.Savings(both(nil), u) {
		savings[s.Setting] = s.USD
	}
	for setting, changes := range map[string]object{
		"tasksMin": {"Target": resource("AWS::ApplicationAutoScaling::ScalableTarget", object{"ServiceNamespace": "ecs", "MinCapacity": 2})},
		"taskCpu":  {"Task": task("256", "1024")},
		"spotPercent": {"Service": resource("AWS::ECS::Service", object{"CapacityProviderStrategy": []any{
			object{"CapacityProvider": "FARGATE", "Weight": 1}, object{"CapacityProvider": "FARGATE_SPOT", "Weight": 99},
		}})},
		"natGateways": {"Nat2": resource("AWS::EC2::NatGateway", nil), "Address2": resource("AWS::EC2::EIP", nil)},
		"domain": {
			"Distribution": nil,
			"Firewall":     resource("AWS::WAFv2::WebACL", object{"Rules": []any{object{}, object{}, object{}}}),
			"LoadBalancer": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", object{"Scheme": "internet-facing", "Subnets": []any{"a", "b", "c"}}),
			"Check":        resource("AWS::Route53::HealthCheck", object{"HealthCheckConfig": object{"Type": "HTTPS", "RequestInterval": 10}}),
		},
		"firewallLog": {"FirewallLog": resource("AWS::WAFv2::LoggingConfiguration", object{"LoggingFilter": object{"DefaultBehavior": "DROP"}})},
		"aggregationWindowSeconds": {"AggregatorSource": resource("AWS::Lambda::EventSourceMapping", object{
			"StartingPosition": "TRIM_HORIZON", "FunctionName": object{"Ref": "Aggregator"}, "MaximumBatchingWindowInSeconds": 2,
		})},
		"logRetentionDays": {"Log": resource("AWS::Logs::LogGroup", object{"RetentionInDays": 7})},
	} {
		saved, there := savings[setting]
		if !there {
			t.Errorf("%s is not among the savings", setting)
		}
		if want := now - pricing.NewEstimate(both(changes), u).Total(); math.Abs(saved-want) > 1e-6 {
			t.Errorf("%s is said to save %v; the templates with it save %v", setting, saved, want)
		}
	}
	if saved := savings["tasksMin"]; math.Abs(saved) > 1e-6 { // the scaling adds what the fewest leave out
		t.Errorf("fewer tasks are said to save %v where more are needed", saved)
	}
	if saved := savings["spotPercent"]; saved <= 0 {
		t.Errorf("Spot is said to save %v for tasks above the fewest", saved)
	}
}

func TestSavings_LeaveTheLastRegionOut(t *testing.T) {
	u := usage(t)
	stacks, err := pricing.ReadStacks(assembly(t, map[[2]string]object{
		{"SensorFlow-dev-state", "eu-west-1"}:     state("eu-west-1"),
		{"SensorFlow-dev-eu-west-1", "eu-west-1"}: service(nil),
	}), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	one := pricing.NewEstimate(pricing.Of(stacks), u).Total()
	two := deployment(t, nil)
	for _, s := range pricing.Savings(two, u) {
		if s.Setting == "regions" {
			if want := pricing.NewEstimate(two, u).Total() - one; math.Abs(s.USD-want) > 1e-6 || !strings.Contains(s.Change, "eu-central-1") {
				t.Errorf("%s is said to save %v; one region costs %v less", s.Change, s.USD, want)
			}
			return
		}
	}
	t.Error("the second region is not among the savings")
}

func TestUsageOf_SaysAllThatIsWrong(t *testing.T) {
	values := map[string]string{"READINGS_PER_SECOND": "many", "EQUIPMENTS": "0", "TOKEN_HOURS": "25", "MACHINES": "1.5", "USERS": "NaN"}
	_, err := pricing.UsageOf(func(key string) string { return values[key] })
	want := `READINGS_PER_SECOND must be a number from 0 to 10000000, got "many"
EQUIPMENTS must be a whole number from 1 to 1000000000, got "0"
MACHINES must be a whole number from 0 to 100000000, got "1.5"
TOKEN_HOURS must be a number from 0.0833 to 24, got "25"
USERS must be a whole number from 0 to 1000000000, got "NaN"`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestEstimate_BillsNoMoreTasksThanTheLargest tries the last rate that the largest number of tasks takes, and the next.
func TestEstimate_BillsNoMoreTasksThanTheLargest(t *testing.T) {
	target := object{"Target": resource("AWS::ApplicationAutoScaling::ScalableTarget", object{
		"ServiceNamespace": "ecs", "MinCapacity": 3, "MaxCapacity": 5,
	})}
	u := usage(t)
	tasks := func(rate float64) (usd float64, e pricing.Estimate, screen string) {
		u.ReadingsPerSecond = rate
		e = pricing.NewEstimate(deployment(t, target), u)
		for _, l := range e.WithReadings {
			if l.What == "tasks beyond the fewest" {
				usd = l.USD[1] // of eu-central-1, where the largest number is another one
			}
		}
		var b strings.Builder
		if err := pricing.Print(&b, "x", e, nil); err != nil {
			t.Fatal(err)
		}
		return usd, e, b.String()
	}
	const task = 730 * (0.5*0.03238 + 0.00356)
	const fits = 2 * 5 * 30000 / 60 // of two regions, whose tasks take 30,000 requests a minute each
	if usd, e, screen := tasks(fits); math.Abs(usd-2*task) > 1e-9 || len(e.Short) != 0 || strings.Contains(screen, "tasksMax") {
		t.Errorf("%d readings/s: %v for tasks, short %+v", fits, usd, e.Short)
	}
	usd, e, screen := tasks(1_000_000)
	if math.Abs(usd-2*task) > 1e-9 || len(e.Short) != 2 || e.Short[1] != (pricing.Shortage{Region: "eu-central-1", Needed: 1000, TasksMax: 5}) {
		t.Errorf("a million readings/s: %v for tasks, short %+v", usd, e.Short)
	}
	if want := "eu-central-1: the scaling would need 1000 tasks for that, and tasksMax is 5. 5 are in the bill;"; !strings.Contains(screen, want) {
		t.Errorf("the screen does not say %s:\n%s", want, screen)
	}
}

// TestPrint_KeepsNumbersApartAndPlain looks at rates of every size.
func TestPrint_KeepsNumbersApartAndPlain(t *testing.T) {
	exponent, glued := regexp.MustCompile(`\de[+-]?\d`), regexp.MustCompile(`\.\d\d\d+\.`)
	u := usage(t)
	for _, rate := range []float64{0, 0.000001, 0.0123456789, 1, 123456.789, 1_000_000, 9_999_999.5, 10_000_000} {
		u.ReadingsPerSecond, u.TokenHours = rate, 1.0/12
		d := deployment(t, nil)
		var screen strings.Builder
		if err := pricing.Print(&screen, "x", pricing.NewEstimate(d, u), pricing.Savings(d, u)); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(screen.String(), "\n") {
			if exponent.MatchString(line) || glued.MatchString(line) {
				t.Errorf("at %v: %s", rate, line)
			}
		}
	}
}

// TestPrint_ComparesNothingThatTakesNoReadings is about a pipeline.
func TestPrint_ComparesNothingThatTakesNoReadings(t *testing.T) {
	stacks, err := pricing.ReadStacks(assembly(t, map[[2]string]object{
		{"SensorFlow-pipeline", "eu-west-1"}: {"Key": resource("AWS::KMS::Key", nil), "Build": resource("AWS::CodeBuild::Project", nil)},
	}), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	d, u := pricing.Of(stacks), usage(t)
	var screen strings.Builder
	if err := pricing.Print(&screen, "SensorFlow-pipeline", pricing.NewEstimate(d, u), pricing.Savings(d, u)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Nothing in it takes readings.", "1.00", "minutes of CodePipeline and CodeBuild"} {
		if !strings.Contains(screen.String(), want) {
			t.Errorf("the screen lacks %s:\n%s", want, screen.String())
		}
	}
	for _, not := range []string{"readings/s", "sample", "per million", "what saves"} {
		if strings.Contains(strings.ReplaceAll(screen.String(), "per million\n", "\n"), not) {
			t.Errorf("the screen says %s:\n%s", not, screen.String())
		}
	}
}

func TestPrices_TellWhereTheyAreFrom(t *testing.T) {
	date := regexp.MustCompile(`^20\d\d(-(0[1-9]|1[0-2]))?$`)
	seen := map[string]bool{}
	for _, p := range pricing.Prices() {
		if p.Name == "" || p.USD <= 0 || p.Per == "" || !strings.HasPrefix(p.Source, "https://") || seen[p.Name] || !date.MatchString(p.Seen) && p.Seen != pricing.Unverified {
			t.Errorf("%+v is not a whole price, or there twice", p)
		}
		seen[p.Name] = true
	}
}
