package storage

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// existingFaults are what is wrong with an existing bucket, as far as the props tell.
func (p UploadsProps) existingFaults() rule.Faults {
	if p.Bucket == nil {
		return nil
	}
	return rule.All(
		prop.LeftOut("AllowedOrigins", len(p.AllowedOrigins) > 0, " with Bucket", "its owner allows origins"),
		prop.LeftOut("RetentionDays", p.RetentionDays != 0, " with Bucket", "its owner says how long objects are kept"),
		bucketNameFaults(*p.Bucket.BucketName()),
	)
}

// bucketElsewhere says why a bucket must be where its stack is.
const bucketElsewhere = "EventBridge tells of new objects in the region and the account of the bucket alone"

// BucketFaults report an existing bucket that is not where its stack is, as far as that is known.
func BucketFaults(field string, bucket awss3.IBucket, stack awscdk.Stack) rule.Faults {
	if bucket == nil {
		return nil
	}
	return prop.InStack(field, bucket, stack, bucketElsewhere)
}

// bucketPattern is a name as S3 takes it for a bucket
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func bucketNameFaults(name string) rule.Faults {
	return prop.Known(rule.Fault{
		Field: "Bucket", Rule: "must be named by 3 to 63 lower-case letters, digits, dots and hyphens", Got: name,
	}.If(!bucketPattern.MatchString(name)))
}

// BucketExisted tells whether Bucket was passed in. Its events come by EventBridge, since S3 has one list of
// notifications for a bucket, which its owner keeps.
func (u *Uploads) BucketExisted() bool { return u.existing }

// bucketKey encrypts the objects; nil where S3 does by a key of its own.
func (u *Uploads) bucketKey() awskms.IKey {
	if u.existing {
		return u.Bucket.EncryptionKey()
	}
	return u.key
}

// wildcard is how cdk-nag names the objects below a prefix. It writes the name of an existing bucket in ways that
// depend on where the bucket is from.
func (u *Uploads) wildcard(prefix string) string {
	if u.existing {
		return "/^Resource::.*\\/" + regexp.QuoteMeta(prefix[:len(prefix)-1]) + "\\/\\*$/"
	}
	id := awscdk.Stack_Of(u).GetLogicalId(u.Bucket.Node().DefaultChild().(awscdk.CfnElement))
	return "Resource::<" + *id + ".Arn>/" + prefix + "*"
}
