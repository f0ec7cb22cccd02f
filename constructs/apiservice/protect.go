package apiservice

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

// protect switches the load balancer's protection against deletion on once the service runs, and off where everything
// is disposable or the region leaves.
//
// A first deployment mostly fails because its tasks do not start. CloudFormation then deletes what it has made. With a
// load balancer that is protected from the start it could not, and the stack could neither be repaired nor deleted
// without a person. So this call is among the last, it is undone before the load balancer is deleted where the
// deployment that makes it fails, and never later.
func (a *ApiService) protect(p ApiServiceProps) {
	set := func(on bool) *customresources.AwsSdkCall {
		return &customresources.AwsSdkCall{
			Service: jsii.String("@aws-sdk/client-elastic-load-balancing-v2"),
			Action:  jsii.String("ModifyLoadBalancerAttributesCommand"),
			Parameters: map[string]any{
				"LoadBalancerArn": a.LoadBalancer.LoadBalancerArn(),
				"Attributes": []map[string]any{{
					"Key": "deletion_protection.enabled", "Value": strconv.FormatBool(on),
				}},
			},
			OutputPaths: jsii.Strings("Attributes.0.Key"),
		}
	}
	props := storage.CallProps{
		Type: "Custom::SensorFlowProtection", Key: p.Key,
		Do: set(!p.Disposable && !p.Leaving), Undo: set(false),
		Allow: awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("elasticloadbalancing:ModifyLoadBalancerAttributes"),
			Resources: &[]*string{a.LoadBalancer.LoadBalancerArn()},
		}),
	}
	props.Do.PhysicalResourceId = customresources.PhysicalResourceId_Of(a.LoadBalancer.LoadBalancerArn())
	props.Undo.IgnoreErrorCodesMatching = jsii.String("LoadBalancerNotFound")
	call := storage.Call(constructs.NewConstruct(a, jsii.String("Protection")), "Call", props)
	call.Node().DefaultChild().(awscdk.CustomResource).ApplyRemovalPolicy(removal.Created(p.Disposable))
	call.Node().AddDependency(a.Service)
	nag.Explain(a.LoadBalancer, "it is protected by a call of the deployment, once the service runs: with a load "+
		"balancer that is protected from the start a first deployment that fails cannot be taken back; where the "+
		"region leaves or all is disposable, it is there to be deleted", "ELBDeletionProtectionEnabled")
}
