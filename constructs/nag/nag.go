// Package nag gives cdk-nag the reasons for what it finds about the constructs and the stacks.
package nag

import (
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// Three of the packs share most of their rules, under the same names.
const (
	nist  = "NIST.800.53.R5-"
	hipaa = "HIPAA.Security-"
	pci   = "PCI.DSS.321-"
)

// Explain says why the rules find something about the construct or its children. A rule is named in full, such as
// "AwsSolutions-SQS3", or by the name alone that it has in several packs, such as "LambdaDLQ".
func Explain(construct constructs.IConstruct, reason string, rules ...string) {
	var list []*cdknag.NagPackSuppression
	for _, rule := range rules {
		for _, id := range ids(rule) {
			list = append(list, &cdknag.NagPackSuppression{Id: &id, Reason: &reason})
		}
	}
	suppress(construct, list)
}

// ExplainWildcards says why a policy of the construct or its children has wildcards. Each is named as the rule names
// it, such as "Resource::*" or "Action::s3:List*"; what begins with a slash is a regular expression, such as
// "/^Resource::arn:.*$/".
//
// Call it when the policy has its statements: cdk-nag keeps the reason with the policies that exist.
func ExplainWildcards(construct constructs.IConstruct, reason string, wildcards ...string) {
	evidence := make([]any, len(wildcards))
	for i, wildcard := range wildcards {
		evidence[i] = wildcard
		if strings.HasPrefix(wildcard, "/") {
			evidence[i] = map[string]any{"regex": wildcard}
		}
	}
	suppress(construct, []*cdknag.NagPackSuppression{
		{Id: jsii.String("AwsSolutions-IAM5"), Reason: &reason, AppliesTo: &evidence},
	})
}

// ExplainManagedPolicy says why a role has a policy that AWS manages, which is named without its path.
func ExplainManagedPolicy(role constructs.IConstruct, policy, reason string) {
	evidence := []any{map[string]any{"regex": "/^Policy::arn:.*:policy\\/" + policy + "$/"}}
	suppress(role, []*cdknag.NagPackSuppression{
		{Id: jsii.String("AwsSolutions-IAM4"), Reason: &reason, AppliesTo: &evidence},
	})
}

// ExplainInlinePolicies says why roles below the construct have policies of their own.
func ExplainInlinePolicies(construct constructs.IConstruct) {
	Explain(construct, "the policy belongs to exactly one role, which is made and deleted with it; "+
		"a managed policy could be attached elsewhere", "IAMNoInlinePolicy")
}

// ids are the ids of a rule in the packs that have it.
func ids(rule string) []string {
	switch rule {
	case "CloudWatchAlarmAction", "ELBDeletionProtectionEnabled", "LambdaConcurrency", "LambdaDLQ",
		"SecretsManagerRotationEnabled":
		return []string{nist + rule, hipaa + rule}
	case "CodeBuildProjectSourceRepoUrl":
		return []string{hipaa + rule, pci + rule}
	}
	if strings.Contains(rule, "-") {
		return []string{rule}
	}
	return []string{nist + rule, hipaa + rule, pci + rule}
}

func suppress(construct constructs.IConstruct, list []*cdknag.NagPackSuppression) {
	cdknag.NagSuppressions_AddResourceSuppressions(construct, &list, jsii.Bool(true))
}
