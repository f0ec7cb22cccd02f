package sensorflow_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// deployment are the props of a deployment to some regions that builds nothing.
func deployment(t *testing.T, regions ...string) *sensorflow.MultiRegionProps {
	return &sensorflow.MultiRegionProps{
		Account: cdktest.Account, Regions: regions, Flow: sensorflow.SensorFlowProps{ApiImage: image()},
		ForRegion: func(_ awscdk.Stack, _ string, flow *sensorflow.SensorFlowProps) {
			flow.AggregatorCode, flow.CsvProcessorCode = cdktest.LambdaCode(t), cdktest.LambdaCode(t)
			flow.RepairerCode, flow.AuditorCode = cdktest.LambdaCode(t), cdktest.LambdaCode(t)
		},
	}
}

func synth(t *testing.T, p *sensorflow.MultiRegionProps) *cdktest.Assembly {
	t.Helper()
	app := cdktest.NewApp(t)
	sensorflow.NewMultiRegion(app, "Flow", p)
	return cdktest.Synth(t, app)
}

// needs lists, for each stack of an assembly, the stacks that must be deployed before it.
func needs(t *testing.T, dir string) map[string][]string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Artifacts map[string]struct {
			Type         string
			Dependencies []string
		}
	}
	if err := json.Unmarshal(body, &manifest); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for name, artifact := range manifest.Artifacts {
		if artifact.Type != "aws:cloudformation:stack" {
			continue
		}
		all[name] = slices.DeleteFunc(artifact.Dependencies,
			func(d string) bool { return strings.HasSuffix(d, ".assets") })
		slices.Sort(all[name])
	}
	return all
}

func TestMultiRegion_DeploysKeysThenStateThenRegions(t *testing.T) {
	p := deployment(t, "eu-west-1", "eu-central-1", "us-east-1")
	out := synth(t, p)
	got := needs(t, out.Dir)
	keys := []string{"Flow-keys-eu-central-1", "Flow-keys-eu-west-1", "Flow-keys-us-east-1"}
	want := map[string][]string{
		keys[1]: nil, keys[0]: {keys[1]}, keys[2]: {keys[1]}, "Flow-state": keys,
		"Flow-eu-west-1":    {"Flow-keys-eu-west-1", "Flow-state"},
		"Flow-eu-central-1": {"Flow-keys-eu-central-1", "Flow-state"},
		"Flow-us-east-1":    {"Flow-keys-us-east-1", "Flow-state"},
	}
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s needs %v, want %v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("the stacks are %v", out.Stacks())
	}
}

func TestMultiRegion_OneByOneLetsRegionsWait(t *testing.T) {
	p := deployment(t, "eu-west-1", "eu-central-1", "us-east-1")
	p.OneByOne = true
	got := needs(t, synth(t, p).Dir)
	if !slices.Contains(got["Flow-eu-central-1"], "Flow-eu-west-1") ||
		!slices.Contains(got["Flow-us-east-1"], "Flow-eu-central-1") {
		t.Errorf("the regions need %v", got)
	}
}

// TestMultiRegion_ReachesThePoolFromEveryRegion sees that the second region activates its replica and the third asks
// the primary.
func TestMultiRegion_ReachesThePoolFromEveryRegion(t *testing.T) {
	out := synth(t, deployment(t, "eu-west-1", "eu-central-1", "us-east-1"))
	for region, want := range map[string]struct {
		activations int
		poolRegion  string
	}{"eu-west-1": {}, "eu-central-1": {activations: 1}, "us-east-1": {poolRegion: "eu-west-1"}} {
		template := out.Template(t, "Flow-"+region)
		if n := len(template.All("AWS::Cognito::UserPoolRegionalConfigurationAttachment")); n != want.activations {
			t.Errorf("%s activates %d replicas, want %d", region, n, want.activations)
		}
		got := ""
		variables, _ := template.Only(t, "AWS::ECS::TaskDefinition").
			Property("ContainerDefinitions", 0, "Environment").([]any)
		for _, v := range variables {
			if cdktest.At(v, "Name") == contract.EnvUserPoolRegion {
				got, _ = cdktest.At(v, "Value").(string)
			}
		}
		if got != want.poolRegion {
			t.Errorf("%s signs people in through %q, want %q", region, got, want.poolRegion)
		}
	}
	replica := out.Template(t, "Flow-state").Only(t, "AWS::Cognito::UserPoolReplica")
	replica.Want(t, "eu-central-1", "RegionName")
}

// TestMultiRegion_AddingARegionLeavesTheOthersAlone would fail with references between regions.
func TestMultiRegion_AddingARegionLeavesTheOthersAlone(t *testing.T) {
	two := synth(t, deployment(t, "eu-west-1", "eu-central-1"))
	three := synth(t, deployment(t, "eu-west-1", "eu-central-1", "us-east-1"))
	for _, stack := range two.Stacks() {
		same := cdktest.JSON(t, two.Template(t, stack)) == cdktest.JSON(t, three.Template(t, stack))
		if isState := stack == "Flow-state"; same == isState {
			t.Errorf("%s: the template is the same: %v", stack, same)
		}
	}
}

func TestMultiRegion_EveryPropMatters(t *testing.T) {
	regions := func() *sensorflow.MultiRegionProps { return deployment(t, "eu-west-1", "eu-central-1") }
	text := func(p *sensorflow.MultiRegionProps) string {
		out := synth(t, p)
		all := fmt.Sprint(needs(t, out.Dir))
		for _, stack := range out.Stacks() {
			all += stack + cdktest.JSON(t, out.Template(t, stack))
		}
		return all
	}
	plain := text(regions())
	for name, change := range map[string]func(*sensorflow.MultiRegionProps){
		"Leaving": func(p *sensorflow.MultiRegionProps) { p.Leaving = []string{"eu-central-1"} },
		"Adopted": func(p *sensorflow.MultiRegionProps) { p.Adopted = []string{"us-east-1"} },
		"Name":    func(p *sensorflow.MultiRegionProps) { p.Name = "Other" },
		"Domain":  func(p *sensorflow.MultiRegionProps) { p.Domain = zone() },
		"VpcCidrs": func(p *sensorflow.MultiRegionProps) {
			p.VpcCidrs = map[string]string{"eu-central-1": "10.9.0.0/16"}
		},
		"TokenHealthCheckId": func(p *sensorflow.MultiRegionProps) {
			p.TokenHealthCheckId = "12345678-1234-1234-1234-123456789012"
		},
		"Flow": func(p *sensorflow.MultiRegionProps) { p.Flow.Disposable = true },
		"Flow's clients": func(p *sensorflow.MultiRegionProps) {
			p.Flow.MachineClients = []identity.MachineClient{{Name: "gateway"}}
		},
		"ForRegion": func(p *sensorflow.MultiRegionProps) {
			prebuilt := p.ForRegion
			p.ForRegion = func(stack awscdk.Stack, region string, flow *sensorflow.SensorFlowProps) {
				prebuilt(stack, region, flow)
				flow.Vpc = vpc(stack)
			}
		},
	} {
		p := regions()
		change(p)
		if text(p) == plain {
			t.Errorf("%s changes nothing", name)
		}
	}
}

// Two regions that write the rows of a third would lose each other's updates.
func TestMultiRegion_OneRegionAdopts(t *testing.T) {
	p := deployment(t, "eu-west-1", "eu-central-1")
	p.Adopted = []string{"us-east-1", "eu-west-3"}
	prebuilt := p.ForRegion
	p.ForRegion = func(stack awscdk.Stack, region string, flow *sensorflow.SensorFlowProps) {
		prebuilt(stack, region, flow)
		flow.Adopted = []string{"eu-west-2"} // is given, as the documentation says
	}
	out := synth(t, p)
	for region, want := range map[string]any{"eu-west-1": "us-east-1,eu-west-3", "eu-central-1": nil} {
		template := out.Template(t, "Flow-"+region)
		function := template.Find(t, "AWS::Lambda::Function", "SensorFlowProcessingAggregator")
		if got := function.Property("Environment", "Variables", contract.EnvAdoptedRegions); got != want {
			t.Errorf("%s adopts %v, want %v", region, got, want)
		}
		source := template.Find(t, "AWS::Lambda::EventSourceMapping", "SensorFlowProcessingAggregatorSource")
		filters := cdktest.JSON(t, source.Property("FilterCriteria"))
		if strings.Contains(filters, "us-east-1") != (want != nil) || strings.Contains(filters, "eu-west-2") {
			t.Errorf("%s lets records pass by %s", region, filters)
		}
	}
}

func zone() *sensorflow.ZoneDomain {
	return &sensorflow.ZoneDomain{
		Name: "api.example.com", HostedZoneId: "Z0123456789ABCDEFGHIJ", HostedZoneName: "example.com",
	}
}

// TestMultiRegion_AddsNoOutputsAndIsProtected lets the owner of the stacks choose what they tell. What one stack takes
// from another is an export, and the only output there is.
func TestMultiRegion_AddsNoOutputsAndIsProtected(t *testing.T) {
	out := synth(t, deployment(t, "eu-west-1"))
	for _, stack := range []string{"Flow-state", "Flow-eu-west-1"} {
		outputs, _ := out.Template(t, stack)["Outputs"].(map[string]any)
		for name, output := range outputs {
			if cdktest.At(output, "Export") == nil || strings.HasPrefix(stack, "Flow-eu") {
				t.Errorf("%s has the output %s, which nobody asked for", stack, name)
			}
		}
	}
	app := cdktest.NewApp(t)
	p := deployment(t, "eu-west-1", "eu-central-1")
	m := sensorflow.NewMultiRegion(app, "Flow", p)
	for _, stack := range m.All() {
		if !*stack.TerminationProtection() {
			t.Errorf("%s can be destroyed by a slip", *stack.StackName())
		}
	}
	if len(m.All()) != 5 || m.All()[2] != m.State {
		t.Errorf("there are %d stacks", len(m.All()))
	}
}

func TestMultiRegion_SaysEverythingAtOnce(t *testing.T) {
	app := cdktest.NewApp(t)
	for name, c := range map[string]struct {
		props *sensorflow.MultiRegionProps
		want  string
	}{
		"rejects no props": {nil,
			`Flow: Account must be set to an account number of 12 digits; stacks that find each other by name need to know theirs
Regions must list 1 to 10 regions, got 0`},
		"rejects everything that is wrong": {&sensorflow.MultiRegionProps{
			Account:  "1",
			Regions:  []string{"eu-south-1", "eu-west-1", "eu-west-1"},
			Leaving:  []string{"eu-south-1", "us-east-1"},
			Adopted:  []string{"eu-west-2", "eu-west-1"},
			Name:     "1st",
			VpcCidrs: map[string]string{"us-east-1": "10.0.0.0/16", "eu-south-1": "10.0.0.0/8"},
			Domain: &sensorflow.ZoneDomain{
				Name: "API.example.org", HostedZoneId: "Z1", HostedZoneName: "example.com",
			},
			Flow: sensorflow.SensorFlowProps{
				TasksMin: -1, VpcCidr: "10.0.0.0/16", UserPoolRegion: "eu-west-1", Zones: 4,
				Adopted: []string{"us-east-1"},
			},
		}, `Flow: Account must be an account number of 12 digits, got "1"; ` +
			`stacks that find each other by name need to know theirs
Regions[2] must be given once, got "eu-west-1" again
` + rule.Regions("Regions[*]", []string{"eu-south-1", "eu-west-1"}).Error() + `
Leaving[0] must be one of the regions other than the first, got "eu-south-1"
Leaving[1] must be one of the regions other than the first, got "us-east-1"
Adopted[1] must not be one of the regions that serve, got "eu-west-1"; a region is adopted once its stack is gone
Name must be 1 to 40 letters, digits and hyphens, beginning with a letter, got "1st"
Domain.Name must be a domain name in lower case of at most 64 characters, such as api.example.com, got "API.example.org"
Domain.HostedZoneId must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ, got "Z1"
VpcCidrs[us-east-1] must be for one of the regions eu-south-1, eu-west-1, eu-west-1; leave it out
VpcCidrs[eu-south-1] must be a private IPv4 range of /16 to /22 such as 10.0.0.0/16, got "10.0.0.0/8"
Flow.UserPoolRegion must be left out; it is made for each region
Flow.Adopted must be left out; one region adopts: give them by the Adopted of all
Flow.VpcCidr must be left out; it belongs to one region: give it by ForRegion
Flow.TasksMin must be 1 to 1000, got -1; leave it out for 3
Flow.Zones must be 2 or 3, got 4; leave it out for 3`},
		"rejects networks that overlap": {&sensorflow.MultiRegionProps{
			Account:  cdktest.Account,
			Regions:  []string{"eu-west-1", "us-east-1"},
			VpcCidrs: map[string]string{"us-east-1": "10.0.16.0/20"},
		}, `Flow: VpcCidrs[us-east-1] must not overlap the network of eu-west-1, 10.0.0.0/16, got "10.0.16.0/20"`},
		"rejects three zones where there are two": {&sensorflow.MultiRegionProps{
			Account: cdktest.Account,
			Regions: []string{"eu-west-1", "us-west-1"},
			Flow:    sensorflow.SensorFlowProps{Zones: 3},
		}, "Flow: Flow.Zones must be 2 in us-west-1, which has no more, got 3; leave it out for as many as each " +
			"region has, 3 at most"},
		"rejects a second region that is not there": {&sensorflow.MultiRegionProps{
			Account: cdktest.Account, Regions: []string{"eu-west-1"}, TokenHealthCheckId: "1",
		}, "Flow: TokenHealthCheckId needs a second region to get tokens in; leave it out"},
	} {
		t.Run(name, func(t *testing.T) {
			cdktest.RefusesToBuild(t, c.want, func() { sensorflow.NewMultiRegion(app, "Flow", c.props) })
		})
	}
	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
	cdktest.RefusesToBuild(t, "Stack/Flow: the scope of several stacks must be an App or a Stage; "+
		"inside a stack, NewSensorFlow makes the service of its region",
		func() { sensorflow.NewMultiRegion(stack, "Flow", deployment(t, "eu-west-1")) })
	if n := len(*app.Node().Children()); n != 1 {
		t.Errorf("%d stacks were made before the props were refused", n-1)
	}
}
