package storage

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// orZero returns what props point at, or the zero value for nil.
func orZero[P any](props *P) P {
	if props == nil {
		return *new(P)
	}
	return *props
}

// check ends the construction of scope/id where its props are wrong: constructors of the CDK return no errors.
func check(scope constructs.Construct, id string, err error) {
	if err != nil {
		panic(fmt.Errorf("%s/%s: %w", *scope.Node().Path(), id, err))
	}
}

// known tells whether a value is known already when the app is synthesized.
func known(value string) bool { return !*awscdk.Token_IsUnresolved(value) }

// removal is the removal policy of what keeps data.
func removal(disposable bool) awscdk.RemovalPolicy {
	if disposable {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

// inlinePolicy explains why a role has a policy of its own.
func inlinePolicy() map[string]string {
	const reason = "the policy belongs to exactly one role, which is made and deleted with it; a managed policy could be attached elsewhere"
	return map[string]string{
		"NIST.800.53.R5-IAMNoInlinePolicy": reason,
		"HIPAA.Security-IAMNoInlinePolicy": reason,
		"PCI.DSS.321-IAMNoInlinePolicy":    reason,
	}
}

// suppress explains findings of cdk-nag about a construct and its children, by the rules' ids.
func suppress(construct constructs.IConstruct, reasons map[string]string) {
	list := make([]*cdknag.NagPackSuppression, 0, len(reasons))
	for _, id := range slices.Sorted(maps.Keys(reasons)) {
		list = append(list, &cdknag.NagPackSuppression{Id: &id, Reason: jsii.String(reasons[id])})
	}
	cdknag.NagSuppressions_AddResourceSuppressions(construct, &list, jsii.Bool(true))
}
