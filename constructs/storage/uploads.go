package storage

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/internal/refuse"
	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/constructs/nag"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// UploadsProps configures Uploads. The zero value of a field selects its default.
type UploadsProps struct {
	// Key encrypts the table and the bucket. Default: a new Key.
	Key awskms.IKey

	// AllowedOrigins are the browser origins that may send files to the bucket and read the lists of rejects, such as
	// "https://console.example.com"; 99 at most. Uploads.AllowOrigins adds more.
	// Default: none, which leaves uploads to programs.
	AllowedOrigins []string

	// Bucket is an existing bucket of the stack's own region and account. Files and lists of rejects go below
	// contract.UploadKeyPrefix and contract.RejectsKeyPrefix; all else in it stays as it is, its policy, lifecycle and
	// CORS rules included. It must tell EventBridge of new objects, refuse what is not sent by TLS, and, for browsers,
	// let the origins of the API's pages PUT and GET and see the ETag; a rule should delete the parts of unfinished files
	// after UnfinishedDays: nothing at synthesis can tell. Where it is encrypted with a
	// customer key, pass it with that key (awss3.Bucket_FromBucketAttributes), whose policy must allow the account's
	// roles. Key must let EventBridge send to encrypted queues, as KeyProps.BucketEvents does. Not with AllowedOrigins
	// and RetentionDays. Default: a new bucket.
	Bucket awss3.IBucket

	// RetentionDays is how long files and lists of rejects are kept, RetentionDaysMin to RetentionDaysMax days.
	// Default: contract.UploadStatusDays, as long as their status can be asked for.
	RetentionDays int

	// Disposable lets table and buckets be deleted with their stack, which empties the buckets. For test environments.
	// Default: deletion protection, and they stay when their stack goes.
	Disposable bool
}

// Limits of the retention, and the lifetimes that no prop changes.
const (
	RetentionDaysMin = 1
	RetentionDaysMax = 3650

	// OverwrittenDays is how long a file that was overwritten or deleted can be restored. The API's addresses never
	// overwrite, so that older versions are rare and cost almost nothing.
	OverwrittenDays = 7
	// UnfinishedDays is how long the parts of an upload that was never finished are kept, a day: as long as the API takes
	// parts.
	UnfinishedDays = int(contract.UploadPartsLifetime / (24 * time.Hour))
	// AccessLogDays is how long the bucket's access log is kept: a year, as PCI DSS wants.
	AccessLogDays = 365
)

// Validate returns every problem of the props.
func (p UploadsProps) Validate() error {
	days := rule.Between("RetentionDays", cmp.Or(p.RetentionDays, contract.UploadStatusDays),
		RetentionDaysMin, RetentionDaysMax, contract.UploadStatusDays)
	return rule.All(days, prop.Known(rule.Origins("AllowedOrigins[*]", p.AllowedOrigins)), p.existingFaults()).Err()
}

// Uploads is what one region keeps of CSV uploads: their status and their files.
type Uploads struct {
	constructs.Construct

	// Table holds the status of each upload.
	Table awsdynamodb.ITableV2

	// Bucket receives the files under contract.UploadKeyPrefix and holds the lists of rejects under
	// contract.RejectsKeyPrefix. It is new or passed in.
	Bucket awss3.IBucket

	// AccessLogs is the bucket that receives the access log of a new Bucket; nil for one that was passed in.
	AccessLogs awss3.Bucket

	key      awskms.IKey
	existing bool
}

// NewUploads makes the table and the buckets.
func NewUploads(scope constructs.Construct, id string, props *UploadsProps) *Uploads {
	stack := refuse.OutsideStack(scope, id)
	p := prop.OrZero(props)
	refuse.If(scope, id, rule.All(rule.Of(p.Validate()), BucketFaults("Bucket", p.Bucket, stack)).Err())
	if p.RetentionDays == 0 {
		p.RetentionDays = contract.UploadStatusDays
	}
	u := &Uploads{key: p.Key}
	constructs.NewConstruct_Override(u, scope, &id)
	if u.key == nil {
		u.key = NewKey(u, "Key", &KeyProps{Disposable: p.Disposable}).Key
	}
	u.Table = newTable(u, contract.UploadsTable(), tableProps{key: u.key, disposable: p.Disposable})
	if p.Bucket != nil {
		u.Bucket, u.existing = p.Bucket, true
		return u
	}
	u.AccessLogs = newAccessLogs(u, p.Disposable, u.key)
	bucket := awss3.NewBucket(u, jsii.String("Bucket"), &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_KMS, EncryptionKey: u.key, BucketKeyEnabled: jsii.Bool(true),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL:        jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2),
		Versioned: jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{
			expire("Files", contract.UploadKeyPrefix, p.RetentionDays),
			expire("Rejects", contract.RejectsKeyPrefix, p.RetentionDays),
		},
		RemovalPolicy: removal.Policy(p.Disposable), AutoDeleteObjects: &p.Disposable,
	})
	u.Bucket = bucket
	if p.Disposable {
		EmptiedWithStack(bucket, u.key)
	}
	sendAccessLogs(bucket, u.AccessLogs)
	u.AllowOrigins(p.AllowedOrigins...)
	nag.Explain(bucket, "what a file holds is in the global tables once it is processed; the file itself is a copy "+
		"of what the sender has, is processed in its own region only, and would be counted as another upload in a "+
		"second one", "S3BucketReplicationEnabled")
	return u
}

// AllowOrigins lets pages of further origins send files to the bucket and read lists of rejects. An origin may be one
// that is known at deployment only, such as the address of the API that serves the console. A bucket that was passed in
// keeps its own rules.
func (u *Uploads) AllowOrigins(origins ...string) {
	bucket, made := u.Bucket.(awss3.Bucket)
	for _, origin := range origins {
		refuse.If(u, "AllowOrigins", prop.Known(rule.Origin("origin", origin)).Err())
		if u.existing || !made {
			continue
		}
		bucket.AddCorsRule(&awss3.CorsRule{
			AllowedOrigins: jsii.Strings(origin),
			AllowedMethods: &[]awss3.HttpMethods{awss3.HttpMethods_GET, awss3.HttpMethods_PUT},
			// The headers that the API signs into an address of an upload.
			AllowedHeaders: jsii.Strings("content-type", "if-none-match", "x-amz-checksum-sha256"),
			// A page that sends a file in parts names each with the ETag that answered it.
			ExposedHeaders: jsii.Strings("ETag"),
			MaxAge:         jsii.Number(3600),
		})
	}
}

// expire deletes what is below the prefix after so many days; S3 then also removes the markers of what was deleted.
func expire(id, prefix string, days int) *awss3.LifecycleRule {
	return &awss3.LifecycleRule{
		Id: &id, Prefix: &prefix, Expiration: awscdk.Duration_Days(jsii.Number(days)),
		NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(OverwrittenDays)),
		AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(UnfinishedDays)),
	}
}

// newAccessLogs makes the bucket for the access log, which S3 can write to only where it encrypts with its own key.
func newAccessLogs(scope constructs.Construct, disposable bool, key awskms.IKey) awss3.Bucket {
	bucket := awss3.NewBucket(scope, jsii.String("AccessLogs"), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL:        jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2),
		Versioned:      jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{expire("Logs", "", AccessLogDays)},
		RemovalPolicy:  removal.Policy(disposable), AutoDeleteObjects: &disposable,
	})
	if disposable {
		EmptiedWithStack(bucket, key)
	}
	nag.Explain(bucket, "S3 delivers access logs only to buckets that it encrypts with its own key (SSE-S3)",
		"S3DefaultEncryptionKMS")
	nag.Explain(bucket, "the access log of one region concerns that region and is not needed to serve in another",
		"S3BucketReplicationEnabled")
	return bucket
}

// sendAccessLogs does what the CDK itself does only in an app with a certain feature flag. Without that flag the CDK
// would grant by access control lists, which the buckets do not have.
func sendAccessLogs(from, to awss3.Bucket) {
	to.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{service("logging.s3.amazonaws.com")},
		Actions:    jsii.Strings("s3:PutObject"), Resources: &[]*string{to.ArnForObjects(jsii.String("*"))},
		Conditions: &map[string]any{
			"ArnLike":      map[string]any{"aws:SourceArn": from.BucketArn()},
			"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(from).Account()},
		},
	}))
	from.Node().DefaultChild().(awss3.CfnBucket).SetLoggingConfiguration(&awss3.CfnBucket_LoggingConfigurationProperty{
		DestinationBucketName: to.BucketName(),
	})
}

// GrantTakeUploads lets the grantee, the API, open uploads, store small files itself, sign addresses for large ones,
// for parts of very large ones, which it joins, and for lists of rejects, and tell how an upload is doing.
//
// An address works with the rights of the role that signed it, for as long as that role's session lives. The bucket is
// encrypted with a customer key. So the role needs kms:GenerateDataKey for what others put and kms:Decrypt for what
// they get.
func (u *Uploads) GrantTakeUploads(grantee awsiam.IGrantable) awsiam.Grant {
	return u.grantObjects(grantee, map[string][]string{
		contract.UploadKeyPrefix:  {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"},
		contract.RejectsKeyPrefix: {"s3:GetObject"},
	}).
		Combine(grant(grantee, u.Table.TableArn(), "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")).
		Combine(grant(grantee, indexArn(u.Table, contract.IndexByCreation), "dynamodb:Query"))
}

// GrantProcessUploads lets the grantee, the CSV processor, read files, write and join lists of rejects, and keep the
// status.
func (u *Uploads) GrantProcessUploads(grantee awsiam.IGrantable) awsiam.Grant {
	return u.grantObjects(grantee, map[string][]string{
		contract.UploadKeyPrefix:  {"s3:GetObject"},
		contract.RejectsKeyPrefix: {"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
	}).
		Combine(grant(grantee, u.Table.TableArn(), "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"))
}

// grantObjects lets the grantee do with the objects below each prefix what is listed, use the key for bucket and table,
// and see that the bucket is there and that an object is not: without s3:ListBucket S3 answers 403 for what does not
// exist.
func (u *Uploads) grantObjects(grantee awsiam.IGrantable, actions map[string][]string) awsiam.Grant {
	grantTableKey(u.key, grantee, true)
	if key := u.bucketKey(); key != nil {
		grantThrough(key, "s3", grantee, "kms:Decrypt", "kms:GenerateDataKey")
	}
	granted := grant(grantee, u.Bucket.BucketArn(), "s3:ListBucket")
	var wildcards []string
	for _, prefix := range slices.Sorted(maps.Keys(actions)) {
		granted = granted.Combine(grant(grantee, u.Bucket.ArnForObjects(jsii.String(prefix+"*")), actions[prefix]...))
		wildcards = append(wildcards, u.wildcard(prefix))
	}
	policed, ok := grantee.GrantPrincipal().(constructs.IConstruct) // a role, also that of a function
	if !ok {
		policed, ok = grantee.(constructs.IConstruct) // a policy
	}
	if ok {
		nag.ExplainWildcards(policed, "an object is named after its upload, so that whoever works on uploads needs "+
			"all objects below a prefix; the policy names the bucket, the prefix and each action", wildcards...)
	}
	return granted
}
