package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
)

// UploadsProps configures Uploads. The zero value of a field selects its default.
type UploadsProps struct {
	// Key encrypts the table and the bucket. Default: a new Key.
	Key awskms.IKey

	// AllowedOrigins are the browser origins that may send files to the bucket, such as "https://console.example.com".
	// Default: none, which leaves uploads to programs.
	AllowedOrigins []string

	// RetentionDays is how long files and lists of rejects are kept, 1 to 3650 days.
	// Default: contract.UploadStatusDays, as long as their status can be asked for.
	RetentionDays int

	// Disposable lets table and buckets be deleted with their stack; S3 refuses as long as a bucket holds objects, so empty it
	// first. For test environments. Default: deletion protection, and they stay when their stack goes.
	Disposable bool
}

// Uploads is what one region keeps of CSV uploads: their status and their files.
type Uploads struct {
	constructs.Construct

	// Table holds the status of each upload.
	Table awsdynamodb.ITableV2

	// Bucket receives the files under contract.UploadKeyPrefix and holds the lists of rejects under contract.RejectsKeyPrefix.
	Bucket awss3.Bucket

	// AccessLogs is the bucket that receives the access log of Bucket.
	AccessLogs awss3.IBucket
}
