// Package claim finds constructs of one app that would make the same thing in the same place. Each could be deployed by
// itself, and the second would take over, or fail on, what is the first one's.
package claim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Place is where a physical name must be the only one.
type Place struct{ Account, Region string }

// Of is the place of a stack.
func Of(stack awscdk.Stack) Place { return Place{*stack.Account(), *stack.Region()} }

// Physical claims a physical name, such as that of a stack or a table, for the construct id in the scope. It refuses
// one that another construct has claimed. The name comes from the prop field, which has the value given. Where the
// place is known at deployment only, it accepts every name.
//
// The same name below the App and below a Stage is one deployment that can be reached in two ways, by the command line
// and by a pipeline. Below two Stages, or twice below one, there are two deployments.
func Physical(scope constructs.Construct, id, field, given string, in Place, kind, name string) rule.Faults {
	if !prop.IsKnown(in.Account) || !prop.IsKnown(in.Region) || !prop.IsKnown(name) {
		return nil
	}
	stage := stageOf(scope)
	path := strings.TrimPrefix(*scope.Node().Path()+"/"+id, "/")
	root, entry := scope.Node().Root().Node(), strings.Join([]string{
		"sensorflow", in.Account, in.Region, kind, name,
	}, ":")
	for _, earlier := range *root.Metadata() {
		if *earlier.Type != entry {
			continue
		}
		claimed := earlier.Data.([]any)
		if other := claimed[0].(string); other == stage || other != "" && stage != "" {
			return rule.Faults{{
				Field: field, Rule: "must be another", Got: given,
				Advice: fmt.Sprintf("%v makes the %s %s in the same account and region", claimed[1], kind, name),
			}}
		}
	}
	root.AddMetadata(&entry, []string{stage, path}, nil)
	return nil
}

// stageOf is the path of the stage that the scope is or is in, empty for the App. The CDK's own function leaves out the
// scope itself.
func stageOf(scope constructs.Construct) string {
	for _, above := range slices.Backward(*scope.Node().Scopes()) {
		if *awscdk.Stage_IsStage(above) {
			return *above.Node().Path()
		}
	}
	return ""
}
