// Package prop holds the checks of props that only constructs need, beside the rules of package rule.
package prop

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Known leaves out the faults of values that are known only when the stack is deployed.
func Known(faults rule.Faults) rule.Faults {
	return slices.DeleteFunc(slices.Clone(faults), func(f rule.Fault) bool {
		text, ok := f.Got.(string)
		return ok && !IsKnown(text)
	})
}

// IsKnown tells whether a value is known already when the app is synthesized.
func IsKnown(value string) bool { return !*awscdk.Token_IsUnresolved(value) }

// Required accepts a prop that is not missing. advice says where to get one.
func Required(field string, missing bool, advice string) rule.Faults {
	return rule.Fault{Field: field, Rule: "is required", Advice: "give " + advice}.If(missing)
}

// LeftOut accepts a prop that is not given. advice says what it is for instead.
func LeftOut(field string, given bool, beside, advice string) rule.Faults {
	return rule.Fault{Field: field, Rule: "must be left out" + beside, Advice: advice}.If(given)
}

// OrZero returns the props that the pointer points at, or the zero value for nil.
func OrZero[P any](props *P) P {
	if props == nil {
		return *new(P)
	}
	return *props
}

// InStack accepts a resource of the region and the account of a stack, as far as they are known. why says what it
// cannot do elsewhere.
func InStack(field string, of awscdk.IResource, stack awscdk.Stack, why string) rule.Faults {
	other := func(what string, there, here *string) rule.Faults {
		return rule.Fault{
			Field: field, Rule: "must be of the stack's " + what + " " + *here, Got: *there, Advice: why,
		}.If(IsKnown(*here) && IsKnown(*there) && *here != *there)
	}
	env := of.Env()
	return rule.All(other("region", env.Region, stack.Region()), other("account", env.Account, stack.Account()))
}
