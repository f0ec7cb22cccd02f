package storage_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func existingBucket(stack awscdk.Stack, name string, key awskms.IKey) awss3.IBucket {
	return awss3.Bucket_FromBucketAttributes(stack, jsii.String("Existing"),
		&awss3.BucketAttributes{BucketName: &name, EncryptionKey: key})
}

// TestUploads_UseABucketThatExists makes a table and no bucket, lets roles to the two prefixes alone, and to the key of
// the bucket where it has one.
func TestUploads_UseABucketThatExists(t *testing.T) {
	const bucketKey = "arn:aws:kms:" + secondary + ":111111111111:key/of-the-bucket"
	for _, encrypted := range []bool{false, true} {
		app := cdktest.NewApp(t, cdktest.Nag)
		stack := cdktest.NewStack(app, "Stack", secondary)
		var key awskms.IKey
		if encrypted {
			key = awskms.Key_FromKeyArn(stack, jsii.String("BucketKey"), jsii.String(bucketKey))
		}
		uploads := storage.NewUploads(stack, "Uploads", &storage.UploadsProps{
			Key: keyIn(stack, secondary), Bucket: existingBucket(stack, "acme-files", key),
		})
		uploads.AllowOrigins("https://console.example.com") // which changes nothing of the bucket
		for id, grant := range map[string]func(awsiam.IGrantable) awsiam.Grant{
			"Api": uploads.GrantTakeUploads, "Processor": uploads.GrantProcessUploads,
		} {
			policy := awsiam.NewManagedPolicy(stack, &id, nil)
			grant(policy)
		}
		if !uploads.BucketExisted() || uploads.AccessLogs != nil {
			t.Error("the bucket is taken for a new one")
		}
		out := cdktest.Synth(t, app)
		template := out.Template(t, "Stack")
		if n := len(template.All("AWS::S3::Bucket")) + len(template.All("AWS::S3::BucketPolicy")); n != 0 {
			t.Errorf("%d buckets and policies are made", n)
		}
		for _, policy := range template.All("AWS::IAM::ManagedPolicy") {
			text := cdktest.JSON(t, policy.Body)
			for _, want := range []string{":s3:::acme-files", "acme-files/uploads/*", "acme-files/rejects/*"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s lacks %s: %s", policy.ID, want, text)
				}
			}
			if strings.Contains(text, "acme-files/*") || strings.Contains(text, bucketKey) != encrypted {
				t.Errorf("%s may use other objects or another key: %s", policy.ID, text)
			}
		}
		out.NoFindings(t)
		out.LeastPrivilege(t)
	}
}

func TestUploads_SaysWhatAnExistingBucketMustBe(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", secondary)
	valid := existingBucket(stack, "acme-files", nil)
	wrong := awss3.Bucket_FromBucketName(stack, jsii.String("Wrong"), awscdk.Fn_Ref(jsii.String("AWS::StackName")))
	type props = storage.UploadsProps
	cdktest.Refuses(t, props{},
		cdktest.Row("a bucket", func(p *props) { p.Bucket = valid }, ""),
		cdktest.Row("a bucket that is known at deployment", func(p *props) { p.Bucket = wrong }, ""),
		cdktest.Row("rejects what is for a new bucket", func(p *props) {
			p.Bucket, p.RetentionDays, p.AllowedOrigins = valid, 30, []string{"https://a.example.com"}
		}, "AllowedOrigins must be left out with Bucket; its owner allows origins\n"+
			"RetentionDays must be left out with Bucket; its owner says how long objects are kept"),
	)
}

// TestUploads_RefusesABucketThatIsElsewhere takes it where nothing is known of the place.
func TestUploads_RefusesABucketThatIsElsewhere(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", secondary)
	bucket := func(id, region, account string) awss3.IBucket {
		return awss3.Bucket_FromBucketAttributes(stack, &id, &awss3.BucketAttributes{
			BucketName: jsii.String("acme-files"), Region: &region, Account: &account,
		})
	}
	const why = "; EventBridge tells of new objects in the region and the account of the bucket alone"
	key := keyIn(stack, secondary)
	build := func(id string, bucket awss3.IBucket) {
		storage.NewUploads(stack, id, &storage.UploadsProps{Key: key, Bucket: bucket})
	}
	cdktest.RefusesToBuild(t,
		`Stack/Elsewhere: Bucket must be of the stack's region `+secondary+`, got "us-east-1"`+why,
		func() { build("Elsewhere", bucket("A", "us-east-1", cdktest.Account)) })
	cdktest.RefusesToBuild(t,
		`Stack/Others: Bucket must be of the stack's account `+cdktest.Account+`, got "222222222222"`+why,
		func() { build("Others", bucket("B", secondary, "222222222222")) })
	build("Unknown", bucket("C", *awscdk.Aws_REGION(), *awscdk.Aws_ACCOUNT_ID()))
}
