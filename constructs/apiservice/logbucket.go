package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// accessLogDays is how long access logs are kept.
const accessLogDays = 90

// logBucket takes the access logs of the load balancer and of CloudFront. Both write with S3's own keys only: neither can use a
// customer's key (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html).
type logBucket struct{ bucket awss3.Bucket }

func (a *ApiService) addLogBucket(p ApiServiceProps) *logBucket {
	removal := awscdk.RemovalPolicy_RETAIN
	if p.Disposable {
		removal = awscdk.RemovalPolicy_DESTROY
	}
	return &logBucket{awss3.NewBucket(a, jsii.String("AccessLogs"), &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_S3_MANAGED, BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: jsii.Bool(true),
		// CloudFront hands its log files over by an access control list.
		ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_PREFERRED,
		RemovalPolicy:   removal,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration: awscdk.Duration_Days(jsii.Number(accessLogDays)), AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
		}},
	})}
}

// takeLoadBalancer does what LogAccessLogs does, which needs to know the region when it synthesizes: the delivery service's
// principal is the same in all regions.
func (l *logBucket) takeLoadBalancer(balancer awselasticloadbalancingv2.ApplicationLoadBalancer) {
	const prefix = "load-balancer"
	stack := awscdk.Stack_Of(balancer)
	l.bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("logdelivery.elasticloadbalancing.amazonaws.com"), nil)},
		Actions:    jsii.Strings("s3:PutObject"),
		Resources:  &[]*string{l.bucket.ArnForObjects(jsii.String(prefix + "/AWSLogs/" + *stack.Account() + "/*"))},
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:SourceAccount": stack.Account()},
		},
	}))
	balancer.SetAttribute(jsii.String("access_logs.s3.enabled"), jsii.String("true"))
	balancer.SetAttribute(jsii.String("access_logs.s3.bucket"), l.bucket.BucketName())
	balancer.SetAttribute(jsii.String("access_logs.s3.prefix"), jsii.String(prefix))
	// The load balancer tries to write when it is made.
	balancer.Node().AddDependency(l.bucket.Policy())
}
