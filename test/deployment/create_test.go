package deployment_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/test/permission"
)

const (
	cloudFormation        = "cloudformation"
	cloudFormationVersion = "2010-05-15"
)

// created is what became of one stack.
type created struct {
	stackTemplate
	Outputs map[string]string
	// Physical are the ids of the resources that the emulator's CloudFormation has made, by logical id.
	Physical map[string]string
	// Resolved are the properties of resources with values in place of references, by logical id: of those that are made by other
	// means than CloudFormation, and of the types in kept, as the emulator has understood them.
	Resolved map[string]object
	// Values are what resources made by other means are called by, by logical id and attribute.
	Values map[string]map[string]string
	// Lookups are calls that functions of the CDK would have made, by the functions' logical ids.
	Lookups map[string][]lookup
}

// deployment creates stacks, one after the other.
type deployment struct {
	emulator *emulator
	stacks   map[string]*created
	exports  map[string]map[string]string // by region and name
	// used are the adaptations that some resource needed.
	used map[string]bool
	// fails lets the creation of each stack be one that fails at its end: what CloudFormation keeps only of a stack that was
	// made goes with this one.
	fails bool
}

// policy is what becomes of a resource when its stack goes, in the words that the emulator knows.
func (d *deployment) policy(resource any) string {
	switch policy := text(resource, "DeletionPolicy"); {
	case typeOf(resource) == "AWS::EC2::VPC":
		return "Retain" // the emulator deletes no route table, and then no network
	case policy == "RetainExceptOnCreate" && d.fails, policy == "":
		return "Delete"
	case policy == "RetainExceptOnCreate":
		return "Retain"
	default:
		return policy
	}
}

func newDeployment(e *emulator) *deployment {
	return &deployment{
		emulator: e, stacks: map[string]*created{}, exports: map[string]map[string]string{}, used: map[string]bool{},
	}
}

// bootstrap prepares the regions.
func (d *deployment) bootstrap(ctx context.Context) error {
	for _, region := range regions {
		if err := d.emulator.bootstrap(ctx, region); err != nil {
			return err
		}
	}
	return nil
}

// deploy creates the stacks.
func (d *deployment) deploy(ctx context.Context, stacks []stackTemplate, progress func(string, ...any)) error {
	for _, s := range stacks {
		if err := d.create(ctx, s); err != nil {
			return err
		}
		progress("stack %s: %d resources, %d of them made by CloudFormation", s.Name, len(s.resources()), len(d.stacks[s.Name].Physical))
	}
	return nil
}

// stack is one that is being created. Values are what stands for resources that the emulator's CloudFormation does not make, by
// logical id and attribute; "" is what Ref gives.
type stack struct {
	*deployment
	stackTemplate
	values   map[string]map[string]string
	resolved map[string]object
	making   string // the resource that make is called for
	// lookups are the calls that the functions of look-ups would make, by the logical id of the function.
	lookups map[string][]lookup
}

// lookup is a call and the keys of conditions that it is made with.
type lookup struct {
	call       permission.Call
	conditions map[string]string
}

// create makes a stack, with what it needs beside the emulator's CloudFormation.
func (d *deployment) create(ctx context.Context, template stackTemplate) error {
	s := &stack{deployment: d, stackTemplate: template, values: map[string]map[string]string{}, resolved: map[string]object{}, lookups: map[string][]lookup{}}
	if err := d.emulator.publish(ctx, template.Assets); err != nil {
		return fmt.Errorf("stack %s: %w", template.Name, err)
	}
	for _, id := range slices.Sorted(maps.Keys(template.resources())) {
		if err := s.value(ctx, id); err != nil {
			return fmt.Errorf("stack %s: %s: %w", template.Name, id, err)
		}
	}
	body, err := s.adapted()
	if err != nil {
		return fmt.Errorf("stack %s: %w", template.Name, err)
	}
	made, err := d.createStack(ctx, template.Region, template.Name, body)
	if err != nil {
		return err
	}
	made.stackTemplate, made.Values = template, s.values
	maps.Copy(made.Resolved, s.resolved)
	made.Lookups = s.lookups
	d.stacks[template.Name] = made
	if err := s.complete(ctx, made); err != nil {
		return fmt.Errorf("stack %s: %w", template.Name, err)
	}
	return made.check()
}

// value makes the resource where its adaptation does so by other means than CloudFormation, after those that it refers to.
func (s *stack) value(ctx context.Context, id string) error {
	if _, known := s.values[id]; known {
		return nil
	}
	resource := s.resources()[id]
	a, adapted := adaptations[typeOf(resource)]
	if adapted {
		s.used[typeOf(resource)] = true
	}
	switch {
	case a.values != nil:
		s.values[id] = a.values
	case a.make != nil:
		p := maps.Clone(properties(resource))
		delete(p, "ServiceToken") // of a custom resource: the function that the emulator would run
		var problems []error
		rewrite(p, func(o object) (any, bool) {
			if other, _, ok := referred(o); ok && s.resources()[other] != nil {
				problems = append(problems, s.value(ctx, other))
			}
			return nil, false
		})
		if err := errors.Join(problems...); err != nil {
			return err
		}
		resolved, err := s.resolve(p)
		if err != nil {
			return err
		}
		s.resolved[id] = asObject(resolved)
		s.making = id
		s.values[id], err = a.make(ctx, s, s.resolved[id])
		return err
	}
	return nil
}

// adapted is the template for the emulator. What it is thought not to know stays in, so that check sees once it does.
func (s *stack) adapted() (object, error) {
	var problems []error
	replace := func(o object) (any, bool) {
		if asked, ok := o["Fn::GetStackOutput"]; ok { // which the emulator does not know
			value, told := s.told(asked)
			if !told {
				problems = append(problems, fmt.Errorf("no stack that is there tells %v", asked))
			}
			return value, true
		}
		id, attribute, ok := referred(o)
		values, isValue := s.values[id]
		compute := adaptations[typeOf(s.resources()[id])].attributes[attribute]
		switch {
		case !ok:
			return nil, false
		case compute != nil:
			return compute(object{"Ref": id}), true
		case !isValue:
			return nil, false
		}
		value, known := values[attribute]
		if !known {
			problems = append(problems, fmt.Errorf("the adaptation of %s does not tell the attribute %q", typeOf(s.resources()[id]), attribute))
		}
		return value, true
	}
	resources, outputs := object{}, object{}
	for id, resource := range s.resources() {
		kind := typeOf(resource)
		a := adaptations[kind]
		told := kept[kind] || a.change != nil || a.attributes != nil
		custom := strings.HasPrefix(kind, "Custom::") // the emulator would run the function that makes it, in Docker
		unknown := custom || a.values != nil || a.make != nil
		if unknown && !custom {
			resources[id] = object{"Type": kind, "Properties": object{}}
		}
		if unknown && !told {
			continue
		}
		replaced := rewrite(resource, replace).(object)
		delete(replaced, "DependsOn") // may name what is not created; the references alone make the emulator's order
		if told {
			outputs[resolvedPrefix+id] = object{"Value": object{"Fn::ToJsonString": replaced["Properties"]}}
		}
		if unknown {
			continue
		}
		if a.change != nil {
			replaced = a.change(s, replaced)
		}
		replaced["DeletionPolicy"] = s.policy(resource)
		resources[id] = replaced
	}
	for name, output := range asObject(s.Body["Outputs"]) {
		outputs[name] = rewrite(output, replace)
	}
	return object{"Parameters": s.Body["Parameters"], "Resources": resources, "Outputs": outputs}, errors.Join(problems...)
}

// resolvedPrefix begins the names of outputs by which the emulator tells the properties of a resource, references resolved.
const resolvedPrefix = "Resolved"

// kept are the types whose resolved properties are looked at.
var kept = map[string]bool{
	"AWS::ECS::TaskDefinition": true, "AWS::Lambda::Function": true, "AWS::Lambda::EventSourceMapping": true, "AWS::S3::Bucket": true,
	"AWS::ElasticLoadBalancingV2::TargetGroup": true, "AWS::Events::Rule": true, "AWS::ECS::Service": true,
	"AWS::KMS::ReplicaKey": true, "AWS::IAM::Role": true, "AWS::IAM::Policy": true, "AWS::IAM::ManagedPolicy": true,
	"AWS::S3::BucketPolicy": true, "Custom::S3AutoDeleteObjects": true,
}

func asObject(value any) object {
	o, _ := value.(object)
	return o
}

// createStack lets the emulator's CloudFormation make one template.
func (d *deployment) createStack(ctx context.Context, region, name string, body object) (*created, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode stack %s: %w", name, err)
	}
	call := func(action string, parameters map[string]string, into any) error {
		parameters["StackName"] = name
		if err := d.emulator.query(ctx, region, cloudFormation, cloudFormationVersion, action, parameters, into); err != nil {
			return fmt.Errorf("stack %s: %w", name, err)
		}
		return nil
	}
	if err := call("CreateStack", map[string]string{"TemplateBody": string(encoded)}, nil); err != nil {
		return nil, err
	}
	var described struct {
		Stacks []struct {
			Status  string `xml:"StackStatus"`
			Outputs []struct {
				Key    string `xml:"OutputKey"`
				Value  string `xml:"OutputValue"`
				Export string `xml:"ExportName"`
			} `xml:"Outputs>member"`
		} `xml:"DescribeStacksResult>Stacks>member"`
	}
	if err := call("DescribeStacks", map[string]string{}, &described); err != nil {
		return nil, err
	}
	if len(described.Stacks) != 1 || described.Stacks[0].Status != "CREATE_COMPLETE" {
		return nil, fmt.Errorf("stack %s: %+v", name, described.Stacks)
	}
	made := &created{Outputs: map[string]string{}, Physical: map[string]string{}, Resolved: map[string]object{}}
	for _, output := range described.Stacks[0].Outputs {
		if id, ok := strings.CutPrefix(output.Key, resolvedPrefix); ok {
			var p object
			if err := json.Unmarshal([]byte(output.Value), &p); err != nil {
				return nil, fmt.Errorf("stack %s: %s: %w", name, id, err)
			}
			made.Resolved[id] = p
			continue
		}
		made.Outputs[output.Key] = output.Value
		if output.Export != "" {
			if d.exports[region] == nil {
				d.exports[region] = map[string]string{}
			}
			d.exports[region][output.Export] = output.Value
		}
	}
	var listed struct {
		Resources []struct {
			ID       string `xml:"LogicalResourceId"`
			Physical string `xml:"PhysicalResourceId"`
		} `xml:"ListStackResourcesResult>StackResourceSummaries>member"`
	}
	if err := call("ListStackResources", map[string]string{}, &listed); err != nil {
		return nil, err
	}
	for _, r := range listed.Resources {
		if r.ID != "" {
			made.Physical[r.ID] = r.Physical
		}
	}
	return made, nil
}

// complete gives resources what the emulator's CloudFormation leaves out.
func (s *stack) complete(ctx context.Context, made *created) error {
	// Calls are about what else there is.
	ids := slices.Sorted(maps.Keys(s.resources()))
	isCall := func(id string) bool { return strings.HasPrefix(typeOf(s.resources()[id]), "Custom::") }
	for _, id := range append(slices.DeleteFunc(slices.Clone(ids), isCall),
		slices.DeleteFunc(ids, func(id string) bool { return !isCall(id) })...) {
		kind := typeOf(s.resources()[id])
		if a := adaptations[kind]; a.complete != nil {
			if err := a.complete(ctx, s, id, made); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
	}
	return nil
}

// only returns the properties of the one resource of a type.
func (c *created) only(kind string) (id string, properties object, err error) {
	ids := c.ofType(kind)
	if len(ids) != 1 {
		return "", nil, fmt.Errorf("stack %s has %d resources of type %s, not one", c.Name, len(ids), kind)
	}
	return ids[0], c.Resolved[ids[0]], nil
}

// check holds the table of adaptations against what the emulator has made: a type that it does not know must be in the table, and
// one that it knows must not be there as unknown.
func (c *created) check() error {
	var problems []error
	for _, id := range slices.Sorted(maps.Keys(c.resources())) {
		kind := typeOf(c.resources()[id])
		a, adapted := adaptations[kind]
		_, made := c.Physical[id]
		unknown := a.values != nil || a.make != nil
		switch {
		case !made && !unknown:
			problems = append(problems, fmt.Errorf("stack %s: the emulator did not create %s of type %s (adapted: %v)", c.Name, id, kind, adapted))
		case made && unknown:
			problems = append(problems, fmt.Errorf("stack %s: the emulator knows %s by now: its adaptation may go", c.Name, kind))
		}
	}
	return errors.Join(problems...)
}

// holdTable fails for adaptations that no template needs, or that do not say why they are there, and prints the others.
func (d *deployment) holdTable(t *testing.T) {
	t.Helper()
	for _, kind := range slices.Sorted(maps.Keys(adaptations)) {
		switch {
		case adaptations[kind].reason == "":
			t.Errorf("the adaptation of %s has no reason", kind)
		case !d.used[kind]:
			t.Errorf("no template has %s any more: its adaptation may go", kind)
		default:
			t.Logf("adapted: %s: %s", kind, adaptations[kind].reason)
		}
	}
}
