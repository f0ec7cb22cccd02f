package deployment_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// needless tells whether the emulator would make a resource as its template has it: its CloudFormation creates a stack of that one
// resource, with values in place of references, and tells the attributes that its adaptation computes.
func (w *world) needless(ctx context.Context, kind string, made *created, id string) bool {
	resource := object{"Type": kind, "Properties": made.Resolved[id]}
	if p, ok := maps.Clone(made.Resolved[id]), made.Resolved[id]["TableName"] != nil; ok { // the name is taken
		delete(p, "TableName")
		resource["Properties"] = p
	}
	outputs := object{}
	for attribute := range adaptations[kind].attributes {
		outputs[attribute] = object{"Value": object{"Fn::GetAtt": []any{id, attribute}}}
	}
	alone, err := w.createStack(ctx, made.Region, "alone-"+id, object{"Resources": object{id: resource}, "Outputs": outputs})
	if err != nil {
		return false
	}
	for attribute := range adaptations[kind].attributes {
		if alone.Outputs[attribute] == "" {
			return false
		}
	}
	return alone.Physical[id] != ""
}

// needlessAdaptations are the adaptations that change a resource, or compute attributes of it, though none of their type needs it.
func (w *world) needlessAdaptations(ctx context.Context) (problems []string) {
	for _, kind := range slices.Sorted(maps.Keys(adaptations)) {
		a := adaptations[kind]
		if a.change == nil && a.attributes == nil || a.docker {
			continue
		}
		needed := false
		for _, made := range w.stacks {
			for _, id := range made.ofType(kind) {
				needed = needed || !w.needless(ctx, kind, made, id)
			}
		}
		if !needed {
			problems = append(problems, fmt.Sprintf("the emulator makes %s as it is by now: its adaptation may go", kind))
		}
	}
	return problems
}
