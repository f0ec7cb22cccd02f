package deployment_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/stays"
)

// TestLife lets deployments fail, be destroyed and come again, on the emulator. infra/LIFE.md tells the same to a deployer.
func TestLife(t *testing.T) {
	kept := newStage(t, environment(""))
	t.Run("a first deployment fails, and the next one is made", func(t *testing.T) { failAndTryAgain(t, kept) })
	t.Run("what stays of a kept one was told", func(t *testing.T) { destroyTheKept(t, kept) })
	disposable, err := synthesize(t.Context(), kept.root, t.TempDir(), environment(`,"disposable":true`))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("nothing stays of a disposable one, and it comes again", func(t *testing.T) { destroyTheDisposable(t, kept, disposable) })
	leaving, err := synthesize(t.Context(), kept.root, t.TempDir(), environment(`,"leaving":["`+regions[1]+`"]`))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a region leaves, and the other stays", func(t *testing.T) { letARegionLeave(t, kept, leaving) })
}

// begin takes away what an earlier part has made, and deploys.
func (s *stage) begin(t *testing.T, stacks []stackTemplate) *deployment {
	t.Helper()
	if err := s.emulator.reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := newDeployment(s.emulator)
	if err := d.bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.deploy(t.Context(), stacks, s.progress); err != nil {
		t.Fatal(err)
	}
	return d
}

// failAndTryAgain lets the creation of each stack fail at its end, when most is there, and makes the stack again. What the first attempt
// leaves must not be in the way of the second. Package test/synth lets each creation fail at each resource, on the templates.
func failAndTryAgain(t *testing.T, s *stage) {
	if err := s.emulator.reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := newDeployment(s.emulator)
	if err := d.bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, template := range s.stacks {
		d.fails = true
		if err := d.create(t.Context(), template); err != nil {
			t.Fatal(err)
		}
		if err := d.destroy(t.Context(), template.Name); err != nil {
			t.Errorf("the failed creation of %s cannot be taken back: %v", template.Name, err)
		}
		d.fails = false
		if err := d.create(t.Context(), template); err != nil {
			t.Fatalf("the second attempt: %v", err)
		}
		s.progress("%s was made in a second attempt", template.Name)
	}
}

// destroyTheKept compares what there is after a destruction with what a deployer was told before it.
func destroyTheKept(t *testing.T, s *stage) {
	d := s.begin(t, s.stacks)
	told := d.told(t, s.assembly)
	if err := d.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, template := range slices.Backward(s.stacks) {
		if err := d.destroy(t.Context(), template.Name); err != nil {
			t.Fatal(err)
		}
	}
	left, err := s.emulator.inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, thing := range left {
		if !slices.Contains(staying, thing.kind) || !strings.Contains(told, "  "+thing.name+"\n") && !strings.Contains(told, "  "+thing.name+", also in ") {
			t.Errorf("the %s %s in %s stays, and nobody has told so", thing.kind, thing.name, thing.region)
		}
	}
	for _, kind := range staying {
		if !slices.ContainsFunc(left, func(th thing) bool { return th.kind == kind }) {
			t.Errorf("no %s stays, with what is in it", kind)
		}
	}
	// A replica of a table that is protected refuses to go, as it should while its region has not left.
	var no *refused
	for _, id := range d.stacks[stateStack].ofType("AWS::DynamoDB::GlobalTable") {
		table := d.stacks[stateStack].Physical[id]
		err := s.emulator.json(t.Context(), regions[1], "dynamodb", "DynamoDB_20120810.DeleteTable", object{"TableName": table}, nil)
		if !errors.As(err, &no) || !strings.Contains(no.Body, "DeletionProtectionEnabled") {
			t.Errorf("the replica of %s can be deleted: %v", table, err)
		}
	}
}

// destroyTheDisposable wants nothing to be left, though every bucket holds something, and makes everything once more.
func destroyTheDisposable(t *testing.T, s *stage, stacks []stackTemplate) {
	d := s.begin(t, stacks)
	for attempt := range 2 {
		if err := d.fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, template := range slices.Backward(stacks) {
			if err := d.destroy(t.Context(), template.Name); err != nil {
				t.Fatal(err)
			}
		}
		left, err := s.emulator.inventory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, thing := range left {
			t.Errorf("the %s %s in %s stays", thing.kind, thing.name, thing.region)
		}
		if attempt > 0 || t.Failed() {
			return
		}
		for _, template := range stacks {
			if err := d.create(t.Context(), template); err != nil {
				t.Fatalf("after everything was destroyed: %v", err)
			}
		}
		s.progress("everything was destroyed, and made again")
	}
}

// letARegionLeave destroys the stack of a region, takes the replicas of the tables away as the deployment without the region does, and
// destroys the stack of its key. Package constructs/sensorflow walks the same steps on the templates, the adoption included.
func letARegionLeave(t *testing.T, s *stage, stacks []stackTemplate) {
	d := s.begin(t, stacks)
	serving, leaves := regions[0], regions[1]
	if err := d.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.destroy(t.Context(), "SensorFlow-dev-"+leaves); err != nil {
		t.Fatal(err)
	}
	for _, id := range d.stacks[stateStack].ofType("AWS::DynamoDB::GlobalTable") {
		table := d.stacks[stateStack].Physical[id]
		for region, want := range map[string]bool{leaves: true, serving: false} {
			err := s.emulator.json(t.Context(), region, "dynamodb", "DynamoDB_20120810.DeleteTable", object{"TableName": table}, nil)
			if (err == nil) != want {
				t.Errorf("%s in %s can be deleted: %t, and not %t (%v)", table, region, err == nil, want, err)
			}
		}
	}
	if err := d.destroy(t.Context(), "SensorFlow-dev-keys-"+leaves); err != nil {
		t.Fatal(err)
	}
	left, err := s.emulator.inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]map[string]int{serving: {}, leaves: {}}
	for _, thing := range left {
		kinds[thing.region][thing.kind]++
		if thing.region == leaves && !slices.Contains(staying, thing.kind) && thing.kind != "secret" { // which the state's stack replicates
			t.Errorf("the %s %s stays in %s", thing.kind, thing.name, leaves)
		}
	}
	for _, kind := range []string{"table", "key", "secret", "function", "queue", "load balancer", "bucket", "log group"} {
		if kinds[serving][kind] == 0 {
			t.Errorf("%s has no %s any more", serving, kind)
		}
	}
}

// stateStack is the stack of the tables and the user pool.
const stateStack = "SensorFlow-dev-state"

// told is what a deployer is told of what stays, by the names that the emulator has given.
func (d *deployment) told(t *testing.T, assembly string) string {
	t.Helper()
	stacks, err := stays.Read(os.DirFS(assembly), "SensorFlow-dev-*")
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range stacks {
		stacks[i].Names = d.stacks[s.Name].Physical
		for id, values := range d.stacks[s.Name].Values {
			stacks[i].Names[id] = values[""]
		}
	}
	var told strings.Builder
	if err := stays.Say(&told, "dev", stacks); err != nil {
		t.Fatal(err)
	}
	return told.String()
}

// destroy deletes a stack, with what the functions of the CDK do before, and with what was made by other means than CloudFormation.
func (d *deployment) destroy(ctx context.Context, name string) error {
	made := d.stacks[name]
	s := &stack{deployment: d, stackTemplate: made.stackTemplate, values: made.Values, resolved: map[string]object{}, lookups: map[string][]lookup{}}
	for _, id := range s.ofType("Custom::S3AutoDeleteObjects") {
		bucket, _, _ := referred(asObject(properties(s.resources()[id])["BucketName"]))
		if err := d.emulator.empty(ctx, s.Region, made.Physical[bucket]); err != nil {
			return fmt.Errorf("empty %s: %w", bucket, err)
		}
	}
	for _, id := range s.ofType("Custom::SensorFlowProtection") {
		if d.policy(s.resources()[id]) != "Delete" {
			continue
		}
		if err := undoCall(ctx, s, id, made); err != nil {
			return fmt.Errorf("undo %s: %w", id, err)
		}
	}
	if err := d.deleteStack(ctx, s.Region, name); err != nil {
		return err
	}
	for id, resource := range s.resources() {
		if d.policy(resource) != "Delete" {
			continue
		}
		if err := s.remove(ctx, id, resource); err != nil {
			return fmt.Errorf("stack %s: %s: %w", name, id, err)
		}
	}
	return nil
}

// undoCall makes the call that the function of the CDK makes when its resource goes.
func undoCall(ctx context.Context, s *stack, id string, made *created) error {
	p := properties(s.resources()[id])
	undone := object{"Type": typeOf(s.resources()[id]), "Properties": object{"ServiceToken": p["ServiceToken"], "Create": p["Delete"]}}
	resources := object{}
	for other, resource := range s.resources() {
		resources[other] = resource
	}
	resources[id] = undone
	changed := *s
	changed.Body = object{"Resources": resources}
	return completeCall(ctx, &changed, id, made)
}

func (d *deployment) deleteStack(ctx context.Context, region, name string) error {
	err := d.emulator.query(ctx, region, cloudFormation, cloudFormationVersion, "DeleteStack", map[string]string{"StackName": name}, nil)
	if err != nil {
		return fmt.Errorf("delete the stack %s: %w", name, err)
	}
	return nil
}

// remove deletes what the emulator's CloudFormation has not made for the stack.
func (s *stack) remove(ctx context.Context, id string, resource any) error {
	physical := s.values[id][""]
	switch typeOf(resource) {
	case "AWS::DynamoDB::GlobalTable":
		var problems []error
		replicas, _ := properties(resource)["Replicas"].([]any)
		for _, replica := range replicas {
			if region := text(replica, "Region"); region != "" && region != s.Region {
				problems = append(problems, s.deleteStack(ctx, region, s.Name+"-"+id))
			}
		}
		return errors.Join(problems...)
	case "AWS::Cognito::UserPool":
		return s.emulator.json(ctx, s.Region, "cognito-idp", cognito+"DeleteUserPool", object{"UserPoolId": physical}, nil)
	case "AWS::SecretsManager::Secret":
		const service = "secretsmanager"
		var others []string
		for _, region := range regions {
			if region != s.Region {
				others = append(others, region)
			}
		}
		err := s.emulator.json(ctx, s.Region, service, service+".RemoveRegionsFromReplication",
			object{"SecretId": physical, "RemoveReplicaRegions": others}, nil)
		return errors.Join(err, s.emulator.json(ctx, s.Region, service, service+".DeleteSecret",
			object{"SecretId": physical, "ForceDeleteWithoutRecovery": true}, nil))
	}
	return nil
}
