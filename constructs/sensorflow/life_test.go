package sensorflow_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/sensorflow"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

// account is what of AWS refuses a removal: stacks, tables in their regions and load balancers, as they were deployed
// last.
type account struct {
	stacks    map[string]cdktest.Template
	protected map[string]bool // stacks, "<table> in <region>", and "the load balancer of <stack>"
}

// deploy takes over the stacks of a deployment in their order, and says what AWS would refuse.
func (a *account) deploy(t *testing.T, p *sensorflow.MultiRegionProps) (refused []string) {
	t.Helper()
	app := cdktest.NewApp(t)
	m := sensorflow.NewMultiRegion(app, "Flow", p)
	out := cdktest.Synth(t, app)
	for _, stack := range m.All() {
		name := *stack.StackName()
		template := out.Template(t, name)
		for _, table := range template.All("AWS::DynamoDB::GlobalTable") {
			if table.Property("TableName") != nil {
				refused = append(refused, a.update(t, name, table)...)
			}
		}
		a.stacks[name], a.protected[name] = template, *stack.TerminationProtection()
		for _, call := range template.All("Custom::SensorFlowProtection") {
			what, on := protects(t, name, call)
			a.protected[what] = on
		}
	}
	return refused
}

// update compares the regions of a table with those that it has.
func (a *account) update(t *testing.T, stack string, table cdktest.Resource) (refused []string) {
	t.Helper()
	regions := func(r cdktest.Resource) map[string]bool {
		all := map[string]bool{}
		replicas, _ := r.Property("Replicas").([]any)
		for _, replica := range replicas {
			all[cdktest.At(replica, "Region").(string)] = true
		}
		return all
	}
	for _, deployed := range a.stacks[stack].All(table.Type) {
		if deployed.ID != table.ID {
			continue
		}
		had, wanted, changes := regions(deployed), regions(table), 0
		for region := range had {
			if place := table.Text(t, "TableName") + " in " + region; !wanted[region] {
				changes++
				if a.protected[place] {
					refused = append(refused, place+" is protected")
				}
			}
		}
		for region := range wanted {
			if !had[region] {
				changes++
			}
		}
		if changes > 1 {
			refused = append(refused, fmt.Sprintf("%s changes %d replicas", table.ID, changes))
		}
	}
	return refused
}

// protects reads what a call switches on or off.
func protects(t *testing.T, stack string, call cdktest.Resource) (what string, on bool) {
	t.Helper()
	text, plain := call.Property("Update").(string)
	if !plain {
		return "the load balancer of " + stack, strings.Contains(cdktest.JSON(t, call.Property("Update")), `\"true\"`)
	}
	var made struct {
		Region     string
		Parameters struct {
			TableName                 string
			DeletionProtectionEnabled bool
		}
	}
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	return made.Parameters.TableName + " in " + made.Region, made.Parameters.DeletionProtectionEnabled
}

// destroy removes a stack, and says what AWS would refuse.
func (a *account) destroy(stack string) (refused []string) {
	for _, what := range []string{stack, "the load balancer of " + stack} {
		if a.protected[what] {
			refused = append(refused, what+" is protected")
		}
	}
	delete(a.stacks, stack)
	return refused
}

// TestMultiRegion_LetsARegionLeave walks the steps of infra/LIFE.md, "A region leaves", and tries to leave some out.
func TestMultiRegion_LetsARegionLeave(t *testing.T) {
	const stays, leaves = "eu-west-1", "eu-central-1"
	serving := deployment(t, stays, leaves)
	leaving := deployment(t, stays, leaves)
	leaving.Leaving = []string{leaves}
	adopted := deployment(t, stays)
	adopted.Adopted = []string{leaves}

	t.Run("in the order of the page", func(t *testing.T) {
		a := account{map[string]cdktest.Template{}, map[string]bool{}}
		for step, refused := range [][]string{
			a.deploy(t, serving),
			a.deploy(t, leaving),
			a.destroy("Flow-" + leaves),
			a.deploy(t, adopted),
			a.destroy("Flow-keys-" + leaves),
		} {
			if len(refused) > 0 {
				t.Errorf("step %d: %v", step, refused)
			}
		}
		left := slices.Sorted(maps.Keys(a.stacks))
		if want := []string{"Flow-eu-west-1", "Flow-keys-eu-west-1", "Flow-state"}; !slices.Equal(left, want) {
			t.Errorf("there are %v", left)
		}
		adopts(t, a.stacks["Flow-"+stays], leaves)
		for name, template := range a.stacks {
			text := cdktest.JSON(t, template)
			if name != "Flow-"+stays && strings.Contains(text, leaves) {
				t.Errorf("%s still needs %s", name, leaves)
			}
		}
		for what, on := range a.protected {
			if keeps := !strings.Contains(what, leaves); on != keeps {
				t.Errorf("%s is protected: %v", what, on)
			}
		}
	})
	t.Run("not without leaving", func(t *testing.T) {
		a := account{map[string]cdktest.Template{}, map[string]bool{}}
		a.deploy(t, serving)
		if refused := a.destroy("Flow-" + leaves); len(refused) != 2 {
			t.Errorf("the stack of the region: %v", refused)
		}
		if refused := a.deploy(t, adopted); len(refused) != 3 {
			t.Errorf("the replicas: %v", refused)
		}
		if refused := a.destroy("Flow-keys-" + leaves); len(refused) != 1 {
			t.Errorf("the stack of the key: %v", refused)
		}
	})
	t.Run("not two at once", func(t *testing.T) {
		a := account{map[string]cdktest.Template{}, map[string]bool{}}
		three := deployment(t, stays, leaves, "us-east-1")
		three.Leaving = []string{leaves, "us-east-1"}
		a.deploy(t, three)
		if refused := a.deploy(t, deployment(t, stays)); len(refused) != 3 {
			t.Errorf("two replicas of three tables: %v", refused)
		}
	})
}

// adopts checks that the functions of a region take in what another one has left.
func adopts(t *testing.T, template cdktest.Template, region string) {
	t.Helper()
	function := template.Find(t, "AWS::Lambda::Function", "SensorFlowProcessingAggregator")
	function.Want(t, region, "Environment", "Variables", contract.EnvAdoptedRegions)
	source := template.Find(t, "AWS::Lambda::EventSourceMapping", "SensorFlowProcessingAggregatorSource")
	if filters := cdktest.JSON(t, source.Property("FilterCriteria")); !strings.Contains(filters, region) {
		t.Errorf("the aggregator lets records pass by %s", filters)
	}
}

// TestMultiRegion_KeepsPeopleSignedInWhenTheSecondRegionLeaves compares the issuer of the tokens before and after.
func TestMultiRegion_KeepsPeopleSignedInWhenTheSecondRegionLeaves(t *testing.T) {
	issuer := func(p *sensorflow.MultiRegionProps) string {
		template := synth(t, p).Template(t, "Flow-state")
		secret := template.Find(t, "AWS::SecretsManager::Secret", "IdentitySettings")
		text := cdktest.JSON(t, secret.Property("SecretString"))
		at := strings.Index(text, contract.EnvUserPoolIssuer)
		return text[at:at+100] + cdktest.JSON(t, template.Only(t, "AWS::Cognito::UserPool").Property("IssuerConfiguration"))
	}
	left := deployment(t, "eu-west-1")
	left.Adopted = []string{"eu-central-1"}
	if before, after := issuer(deployment(t, "eu-west-1", "eu-central-1")), issuer(left); before != after {
		t.Errorf("the issuer was %s, and is %s", before, after)
	}
}

// TestMultiRegion_RollsTheTasksWhenSettingsChange adds a machine client: its tokens name a client that running tasks do
// not know. cdk diff compares the templates as this test does.
func TestMultiRegion_RollsTheTasksWhenSettingsChange(t *testing.T) {
	tasks := func(clients ...string) map[string]string {
		p := deployment(t, "eu-west-1", "eu-central-1", "us-east-1")
		for _, name := range clients {
			p.Flow.MachineClients = append(p.Flow.MachineClients, identity.MachineClient{Name: name})
		}
		out, all := synth(t, p), map[string]string{}
		for _, region := range p.Regions {
			task := out.Template(t, "Flow-"+region).Only(t, "AWS::ECS::TaskDefinition")
			all[region] = cdktest.JSON(t, task.Property("ContainerDefinitions", 0, "DockerLabels"))
		}
		return all
	}
	one, two, again := tasks("machine"), tasks("machine", "gateway"), tasks("machine")
	for region, labels := range one {
		if labels == two[region] || labels != again[region] || labels != one["eu-west-1"] ||
			!strings.Contains(labels, "settings") {
			t.Errorf("%s: the tasks have %s, with another client %s, without it again %s", region, labels, two[region],
				again[region])
		}
	}
}

// TestMultiRegion_RefusesASecondDeploymentOfItsNames makes stages that would deploy the same stacks.
func TestMultiRegion_RefusesASecondDeploymentOfItsNames(t *testing.T) {
	app := cdktest.NewApp(t)
	stage := func(id string) awscdk.Stage { return awscdk.NewStage(app, &id, nil) }
	one := func(region string) *sensorflow.MultiRegionProps { return deployment(t, region) }
	sensorflow.NewMultiRegion(stage("Alpha"), "Flow", one("eu-west-1"))
	cdktest.RefusesToBuild(t, `Beta/Flow: Name must be another, got "Flow"; Alpha/Flow makes the stack Flow-eu-west-1 in `+
		"the same account and region",
		func() { sensorflow.NewMultiRegion(stage("Beta"), "Flow", one("eu-west-1")) })
	elsewhere := one("eu-west-1")
	elsewhere.Name = "Flow-keys" // whose region has the name of the key's stack
	cdktest.RefusesToBuild(t, `Gamma/Other: Name must be another, got "Flow-keys"; Alpha/Flow makes the stack `+
		"Flow-keys-eu-west-1 in the same account and region",
		func() { sensorflow.NewMultiRegion(stage("Gamma"), "Other", elsewhere) })
	// Another account, another region and another name; and below the App, for the command line.
	other := one("eu-west-1")
	other.Account = "999999999999"
	sensorflow.NewMultiRegion(stage("Delta"), "Flow", other)
	sensorflow.NewMultiRegion(stage("Epsilon"), "Flow", one("eu-central-1"))
	sensorflow.NewMultiRegion(stage("Zeta"), "Flow2", one("eu-west-1"))
	sensorflow.NewMultiRegion(app, "Flow", one("eu-west-1"))
	cdktest.RefusesToBuild(t, `Again: Name must be another, got "Flow"; Flow makes the stack Flow-eu-west-1 in the same `+
		"account and region", func() {
		named := one("eu-west-1")
		named.Name = "Flow"
		sensorflow.NewMultiRegion(app, "Again", named)
	})
}
