package deployment_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/test/capture"
)

// needed says why a resource needs its adaptation, and returns nil where the emulator makes it as the template has it: where its
// CloudFormation creates a stack of that one resource, with values in place of references, and tells the attributes that are computed.
func (d *deployment) needed(ctx context.Context, a adaptation, made *created, id, kind string) error {
	const computed = "Computed"
	p := maps.Clone(made.Resolved[id])
	for _, taken := range []string{"TableName", "AllocationId"} { // by the resource itself
		delete(p, taken)
	}
	resource := object{"Type": kind, "Properties": p}
	outputs := object{}
	for attribute := range a.attributes {
		outputs[attribute] = object{"Value": object{"Fn::GetAtt": []any{id, attribute}}}
		outputs[computed+attribute] = object{"Value": a.attributes[attribute](object{"Ref": id})}
	}
	alone, err := d.createStack(ctx, made.Region, "alone-"+uuid.NewString(), object{"Resources": object{id: resource}, "Outputs": outputs})
	if err != nil {
		return err
	}
	for attribute := range a.attributes {
		if told, right := alone.Outputs[attribute], alone.Outputs[computed+attribute]; told == "" || told != right {
			return fmt.Errorf("its attribute %s is %q, and not %s", attribute, told, right)
		}
	}
	if alone.Physical[id] == "" {
		return errors.New("it is not created")
	}
	return nil
}

// needlessAdaptations are the adaptations that change a resource, or compute attributes of it, though none of their type needs it.
func (w *world) needlessAdaptations(ctx context.Context, progress func(string, ...any)) (problems []string) {
	for _, kind := range slices.Sorted(maps.Keys(adaptations)) {
		a := adaptations[kind]
		if a.change == nil && a.attributes == nil || a.docker {
			continue
		}
		var needed error
		for _, made := range w.stacks {
			for _, id := range made.ofType(kind) {
				if needed == nil {
					needed = w.needed(ctx, a, made, id, kind)
				}
			}
		}
		progress("unadapted, %s fails: %v", kind, needed)
		if needed == nil {
			problems = append(problems, fmt.Sprintf("the emulator makes %s as it is by now: its adaptation may go", kind))
		}
	}
	return problems
}

// TestNeedless_IsWhatTheEmulatorMakesByItself asks about what the emulator makes, and about what it does not.
func TestNeedless_IsWhatTheEmulatorMakesByItself(t *testing.T) {
	needPython(t)
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	var log capture.Buffer
	e, err := startEmulator(t.Context(), root, &log)
	if err != nil {
		t.Fatal(err)
	}
	defer e.stop()
	made := &created{stackTemplate: stackTemplate{Region: regions[0]}, Resolved: map[string]object{"It": {}}}
	same := func(_ *stack, resource object) object { return resource }
	for name, c := range map[string]struct {
		kind string
		adaptation
		want bool
	}{
		"a topic that is changed":           {"AWS::SNS::Topic", adaptation{change: same}, true},
		"a name that it tells":              {"AWS::SNS::Topic", adaptation{attributes: map[string]func(object) object{"TopicName": endOfARN}}, true},
		"a name that is another":            {"AWS::SNS::Topic", adaptation{attributes: map[string]func(object) object{"TopicName": asRef}}, false},
		"a name that it does not tell":      {"AWS::SNS::Topic", adaptation{attributes: map[string]func(object) object{"Colour": asRef}}, false},
		"a type that it does not know":      {"AWS::CloudFront::Function", adaptation{change: same}, false},
		"properties that it cannot do with": {"AWS::Lambda::EventSourceMapping", adaptation{change: same}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := newDeployment(e).needed(t.Context(), c.adaptation, made, "It", c.kind); (err == nil) != c.want {
				t.Errorf("it is needed since: %v", err)
			}
		})
	}
}
