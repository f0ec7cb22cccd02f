// Package refuse ends the construction of what cannot be built. Constructors of the CDK return no errors: they panic
// with one, and package refusal turns the panic into a sentence.
package refuse

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
)

// If panics where there is an error, with the path of the construct id that was to be made in the scope; that is the id
// alone where the scope is nil.
func If(scope constructs.Construct, id string, err error) {
	if err == nil {
		return
	}
	path := id
	if scope != nil {
		path = strings.TrimPrefix(*scope.Node().Path()+"/"+id, "/")
	}
	panic(fmt.Errorf("%s: %w", path, err))
}

// By panics where there is an error, with the path of the construct that refuses what it is asked for.
func By(construct constructs.IConstruct, err error) {
	if err != nil {
		panic(fmt.Errorf("%s: %w", *construct.Node().Path(), err))
	}
}

// OutsideStack returns the stack that the scope is in. It panics where there is none, as below an App or a Stage, where
// the CDK would end in a trace of JavaScript, or where the scope is nil.
func OutsideStack(scope constructs.Construct, id string) awscdk.Stack {
	if scope == nil {
		If(scope, id, errors.New("the scope must be a Stack or a construct in one, got nil; make one with "+
			"awscdk.NewStack, or those of several regions with sensorflow.NewMultiRegion"))
	}
	for _, above := range slices.Backward(*scope.Node().Scopes()) {
		if *awscdk.Stack_IsStack(above) {
			return awscdk.Stack_Of(scope)
		}
	}
	If(scope, id, errors.New("the scope must be a Stack or a construct in one; make one with awscdk.NewStack, "+
		"or those of several regions with sensorflow.NewMultiRegion"))
	return nil
}
