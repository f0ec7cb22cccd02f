package storage_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func TestUploads_AreClosedEncryptedAndExpire(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", secondary)
	storage.NewUploads(stack, "Uploads", nil)
	out := cdktest.Synth(t, app)
	// The two buckets name each other. If one waited for the other's policy, CloudFormation would find a circle.
	assertions.Template_FromStack(stack, nil)
	template := out.Template(t, "Stack")
	template.Part("AWS::S3::Bucket", globalTable).Golden(t, "uploads")
	cdktest.Golden(t, "uploads.golden.txt", template.Part("AWS::S3::BucketPolicy").Policies())
	bucket := template.Find(t, "AWS::S3::Bucket", "UploadsBucket")
	logs := template.Find(t, "AWS::S3::Bucket", "UploadsAccessLogs")
	table := template.Only(t, globalTable)
	for got, want := range map[string]string{
		bucket.ID: "UploadsBucketC4B27CC7", logs.ID: "UploadsAccessLogsB2D59324", table.ID: "Uploads81B643AD",
	} {
		if got != want {
			t.Errorf("a logical id is %s, not %s: another one makes an empty resource", got, want)
		}
	}
	bucket.Want(t, "aws:kms", "BucketEncryption", "ServerSideEncryptionConfiguration", 0,
		"ServerSideEncryptionByDefault", "SSEAlgorithm")
	bucket.Want(t, true, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "BucketKeyEnabled")
	bucket.Want(t, map[string]any{"Ref": logs.ID}, "LoggingConfiguration", "DestinationBucketName")
	for i, prefix := range []string{contract.UploadKeyPrefix, contract.RejectsKeyPrefix} {
		bucket.Want(t, prefix, "LifecycleConfiguration", "Rules", i, "Prefix")
		bucket.Want(t, contract.UploadStatusDays, "LifecycleConfiguration", "Rules", i, "ExpirationInDays")
		bucket.Want(t, storage.UnfinishedDays, "LifecycleConfiguration", "Rules", i, "AbortIncompleteMultipartUpload",
			"DaysAfterInitiation")
	}
	for _, b := range []cdktest.Resource{bucket, logs} {
		b.Want(t, map[string]any{
			"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
		}, "PublicAccessBlockConfiguration")
		b.Want(t, "BucketOwnerEnforced", "OwnershipControls", "Rules", 0, "ObjectOwnership")
	}
	if bucket.Property("CorsConfiguration") != nil {
		t.Error("browsers are let in though no origin is")
	}
	if n := len(template.All("AWS::S3::BucketPolicy")); n != 2 {
		t.Errorf("%d buckets have a policy against plain HTTP", n)
	}
	out.NoFindings(t)
}

func TestUploads_LetBrowsersSendWhatIsSigned(t *testing.T) {
	app := cdktest.NewApp(t)
	uploads := storage.NewUploads(cdktest.NewStack(app, "Stack", secondary), "Uploads",
		&storage.UploadsProps{AllowedOrigins: []string{"https://a.example.com"}})
	uploads.AllowOrigins("https://b.example.com")
	got := cdktest.Panic(t, func() { uploads.AllowOrigins("*") })
	if !strings.HasPrefix(got, "Stack/Uploads/AllowOrigins: origin must be an origin such as ") {
		t.Errorf("got %q", got)
	}
	bucket := cdktest.Synth(t, app).Template(t, "Stack").Find(t, "AWS::S3::Bucket", "UploadsBucket")
	for i, origin := range []string{"https://a.example.com", "https://b.example.com"} {
		bucket.Want(t, map[string]any{
			"AllowedOrigins": []string{origin}, "AllowedMethods": []string{"GET", "PUT"}, "MaxAge": 3600,
			"AllowedHeaders": []string{"content-type", "if-none-match", "x-amz-checksum-sha256"},
			"ExposedHeaders": []string{"ETag"},
		}, "CorsConfiguration", "CorsRules", i)
	}
}

func TestUploads_EveryPropMatters(t *testing.T) {
	cdktest.EveryPropMatters(t,
		func(awscdk.Stack) storage.UploadsProps { return storage.UploadsProps{} },
		func(stack awscdk.Stack, p *storage.UploadsProps) { storage.NewUploads(stack, "Uploads", p) },
		map[string]func(awscdk.Stack, *storage.UploadsProps){
			"Key": func(s awscdk.Stack, p *storage.UploadsProps) { p.Key = keyIn(s, secondary) },
			"AllowedOrigins": func(_ awscdk.Stack,
				p *storage.UploadsProps) {
				p.AllowedOrigins = []string{"http://localhost:8080"}
			},
			"Bucket": func(s awscdk.Stack, p *storage.UploadsProps) { p.Bucket = existingBucket(s, "acme-files", nil) },
			"RetentionDays": func(_ awscdk.Stack,
				p *storage.UploadsProps) {
				p.RetentionDays = storage.RetentionDaysMin
			},
			"Disposable": func(_ awscdk.Stack, p *storage.UploadsProps) { p.Disposable = true },
		})
}

func TestUploadsProps_Validate(t *testing.T) {
	type props = storage.UploadsProps
	page := func(origins ...string) func(*props) { return func(p *props) { p.AllowedOrigins = origins } }
	days := func(n int) func(*props) { return func(p *props) { p.RetentionDays = n } }
	noOrigin := func(got string) string {
		return "AllowedOrigins[0] must be an origin such as https://app.example.com, or http://localhost:3000 for " +
			"this machine, got " + got
	}
	cdktest.Refuses(t, props{},
		cdktest.Row("the longest retention", days(storage.RetentionDaysMax), ""),
		cdktest.Row("rejects a longer one", days(storage.RetentionDaysMax+1),
			"RetentionDays must be 1 to 3650, got 3651; leave it out for 90"),
		cdktest.Row("rejects a negative one", days(-1), "RetentionDays must be 1 to 3650, got -1; leave it out for 90"),
		cdktest.Row("a page with a port", page("https://a.example.com:8443"), ""),
		cdktest.Row("a page on the own machine", page("http://127.0.0.1:8080"), ""),
		cdktest.Row("rejects plain HTTP elsewhere", page("http://a.example.com"), noOrigin(`"http://a.example.com"`)),
		cdktest.Row("rejects every page", page("*"), noOrigin(`"*"`)),
		cdktest.Row("rejects a path", page("https://a.example.com/"), noOrigin(`"https://a.example.com/"`)),
		cdktest.Row("rejects a host without scheme", page("a.example.com"), noOrigin(`"a.example.com"`)),
		cdktest.Row("an origin of the deployment", page(*awscdk.Fn_ImportValue(jsii.String("Origin"))), ""),
		cdktest.Row("rejects every problem in one answer",
			func(p *props) { p.RetentionDays, p.AllowedOrigins = -1, []string{"*"} },
			"RetentionDays must be 1 to 3650, got -1; leave it out for 90\n"+noOrigin(`"*"`)),
	)
	refused(t, []string{"RetentionDays must be"}, func(stack awscdk.Stack) {
		storage.NewUploads(stack, "It", &storage.UploadsProps{RetentionDays: -1})
	})
}

// TestGrants_NameEveryActionAndResource holds what each role may do, to be read in review: the file is the list.
func TestGrants_NameEveryActionAndResource(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", secondary)
	key := keyIn(stack, secondary)
	tables := storage.ImportGlobalTables(stack, "Tables", &storage.ImportGlobalTablesProps{Name: "Flow", Key: key})
	uploads := storage.NewUploads(stack, "Uploads", &storage.UploadsProps{Key: key})
	grants := map[string]func(awsiam.IGrantable) awsiam.Grant{
		"SendReadings":     tables.GrantSendReadings,
		"ReadReadings":     tables.GrantReadReadings,
		"FollowReadings":   tables.GrantFollowReadings,
		"ReadAggregates":   tables.GrantReadAggregates,
		"UpdateAggregates": tables.GrantUpdateAggregates,
		"AuditAggregates":  tables.GrantAuditAggregates,
		"RepairAggregates": tables.GrantRepairAggregates,
		"ReadStream":       tables.GrantReadStream,
		"RevokeTokens":     tables.GrantRevokeTokens,
		"TakeUploads":      uploads.GrantTakeUploads, "ProcessUploads": uploads.GrantProcessUploads,
	}
	for name, grant := range grants {
		role := awsiam.NewRole(stack, jsii.String("Role"+name),
			&awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil)})
		grant(role)
	}
	out := cdktest.Synth(t, app)
	cdktest.Golden(t, "grants.golden.txt", out.Template(t, "Stack").Below("Role").Part("AWS::IAM::Policy").Policies())
	for _, f := range out.Findings(t) {
		if f.Rule == "AwsSolutions-IAM5" && f.Reason == "" {
			t.Errorf("%s: %s", f.Resource, f.Info)
		}
	}
	out.LeastPrivilege(t)
}

// TestUploads_ExplainTheirWildcardsToWhomeverIsGranted grants to all kinds of grantees whose policies cdk-nag reads.
func TestUploads_ExplainTheirWildcardsToWhomeverIsGranted(t *testing.T) {
	app := cdktest.NewApp(t, cdktest.Nag)
	stack := cdktest.NewStack(app, "Stack", secondary)
	uploads := storage.NewUploads(stack, "Uploads", &storage.UploadsProps{Key: keyIn(stack, secondary)})
	lambda := awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil)
	role := func(id string) awsiam.Role {
		return awsiam.NewRole(stack, &id, &awsiam.RoleProps{AssumedBy: lambda})
	}
	for name, grantee := range map[string]awsiam.IGrantable{
		"role":   role("Role"),
		"policy": awsiam.NewManagedPolicy(stack, jsii.String("Policy"), nil),
		"function with a role of another place": awslambda.NewFunction(stack, jsii.String("Function"),
			&awslambda.FunctionProps{
				Runtime: awslambda.Runtime_PROVIDED_AL2023(), Handler: jsii.String("bootstrap"),
				Code: cdktest.LambdaCode(t), Role: role("FunctionRole"),
			}),
	} {
		t.Log(name)
		uploads.GrantTakeUploads(grantee)
	}
	explained := 0
	for _, f := range cdktest.Synth(t, app).Findings(t) {
		if f.Rule != "AwsSolutions-IAM5" && !strings.HasPrefix(f.Rule, "AwsSolutions-IAM5[") {
			continue
		}
		if explained++; f.Reason == "" {
			t.Errorf("%s: %s", f.Resource, f.Rule)
		}
	}
	if explained < 3 {
		t.Errorf("only %d wildcards were found", explained)
	}
}

func TestGlobalTables_MeasureThrottlingAndReplication(t *testing.T) {
	stack := cdktest.NewStack(cdktest.NewApp(t), "Stack", secondary)
	tables := storage.ImportGlobalTables(stack, "Tables",
		&storage.ImportGlobalTablesProps{Name: "Flow", Key: keyIn(stack, secondary)})
	latency := tables.MetricReplicationLatency(primary, nil)
	if d := *latency.Dimensions(); d["ReceivingRegion"] != primary || d["TableName"] != "Flow-Readings" {
		t.Errorf("the dimensions are %v", d)
	}
	if got := *latency.MetricName(); got != "ReplicationLatency" {
		t.Errorf("the metric is %s", got)
	}
	// A widget resolves the expression: a metric that it misses would fail.
	stack.Resolve(tables.MetricThrottledRequests(nil))
}
