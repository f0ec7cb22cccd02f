package apiservice

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

// addLogBucket makes the bucket that takes the access logs of the load balancer and of CloudFront.
func (a *ApiService) addLogBucket(p ApiServiceProps) {
	ownership := awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED
	if p.Domain == nil {
		// CloudFront hands its log files over by an access control list
		ownership = awss3.ObjectOwnership_BUCKET_OWNER_PREFERRED
	}
	a.AccessLogs = awss3.NewBucket(a, jsii.String("AccessLogs"), &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_S3_MANAGED, BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL: jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2), Versioned: jsii.Bool(true),
		ObjectOwnership: ownership, RemovalPolicy: removal.Policy(p.Disposable), AutoDeleteObjects: &p.Disposable,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration:                          awscdk.Duration_Days(jsii.Number(storage.AccessLogDays)),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(storage.OverwrittenDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(storage.UnfinishedDays)),
		}},
	})
	if p.Disposable {
		storage.EmptiedWithStack(a.AccessLogs, p.Key)
	}
	const (
		ownKey = "load balancers deliver access logs only to buckets that S3 encrypts with its own key (SSE-S3): " +
			"https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html"
		ofLogs = "the bucket holds access logs and nothing else, and only two services of AWS write to it; who reads " +
			"them is told by CloudTrail's data events, while a server access log would need a bucket with a log of " +
			"its own again"
		copied = "the access logs of one region concern that region and are not needed to serve in another"
	)
	nag.Explain(a.AccessLogs, ownKey, "S3DefaultEncryptionKMS")
	nag.Explain(a.AccessLogs, ofLogs, "AwsSolutions-S1", "S3BucketLoggingEnabled")
	nag.Explain(a.AccessLogs, copied, "S3BucketReplicationEnabled")
}

// logAccess does what the load balancer's LogAccessLogs does, which needs to know the region when it synthesizes: the
// delivery service's principal is the same in all regions.
func (a *ApiService) logAccess(balancer awselasticloadbalancingv2.ApplicationLoadBalancer) {
	const prefix = "load-balancer"
	a.AccessLogs.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{
			awsiam.NewServicePrincipal(jsii.String("logdelivery.elasticloadbalancing.amazonaws.com"), nil),
		},
		Actions: jsii.Strings("s3:PutObject"),
		// The service writes below the number of the account that owns the load balancer. AWS documents no condition
		// that names the source more exactly.
		Resources: &[]*string{a.AccessLogs.ArnForObjects(jsii.String(prefix + "/AWSLogs/" + *awscdk.Stack_Of(a).
			Account() + "/*"))},
	}))
	balancer.SetAttribute(jsii.String("access_logs.s3.enabled"), jsii.String("true"))
	balancer.SetAttribute(jsii.String("access_logs.s3.bucket"), a.AccessLogs.BucketName())
	balancer.SetAttribute(jsii.String("access_logs.s3.prefix"), jsii.String(prefix))
	// The load balancer tries to write when it is made.
	balancer.Node().AddDependency(a.AccessLogs.Policy())
}
