package apiservice

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"
)

// nameRules gives each rule between the groups a logical id of its group, its direction and its port. The CDK makes the
// id of the whole path of the other group, and that path differs below a Stage. CloudFormation would then make each
// rule a second time, which EC2 refuses, and a pipeline could not take over what was deployed from a command line.
func nameRules(groups ...awsec2.SecurityGroup) {
	for _, group := range groups {
		owner := *awscdk.Stack_Of(group).GetLogicalId(group.Node().DefaultChild().(awscdk.CfnElement))
		for _, child := range *group.Node().Children() {
			id := *child.Node().Id()
			port := id[strings.LastIndex(id, ":")+1:]
			switch rule := child.(type) {
			case awsec2.CfnSecurityGroupIngress:
				rule.OverrideLogicalId(jsii.String(owner + "From" + port))
			case awsec2.CfnSecurityGroupEgress:
				rule.OverrideLogicalId(jsii.String(owner + "To" + port))
			}
		}
	}
}
