package deployment_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// thing is something that an account has.
type thing struct{ region, kind, name string }

// staying are the kinds that outlive an environment that is kept.
var staying = []string{"bucket", "log group", "table", "user pool", "key"}

// listing is a call that lists what there is of a kind in a region, and where in its answer the names are: below a list, under a key,
// and where the answer has no key but texts, the texts.
type listing struct {
	kind, service, target string // of the JSON protocol
	list, name            string
}

var listings = []listing{
	{"table", "dynamodb", "DynamoDB_20120810.ListTables", "TableNames", ""},
	{"log group", "logs", "Logs_20140328.DescribeLogGroups", "logGroups", "logGroupName"},
	{"secret", "secretsmanager", "secretsmanager.ListSecrets", "SecretList", "Name"},
	{"key alias", "kms", "TrentService.ListAliases", "Aliases", "AliasName"},
	{"key", "kms", "TrentService.ListKeys", "Keys", "KeyId"},
	{"user pool", "cognito-idp", cognito + "ListUserPools", "UserPools", "Id"},
}

// inventory lists what an account has in the regions, but for what it had before any deployment. Clusters and networks are not looked at:
// the emulator keeps the former in its list when they are gone, and cannot delete the latter.
func (e *emulator) inventory(ctx context.Context) ([]thing, error) {
	var all []thing
	for _, region := range regions {
		for _, l := range listings {
			found, err := e.list(ctx, region, l)
			if err != nil {
				return nil, fmt.Errorf("list each %s: %w", l.kind, err)
			}
			all = append(all, found...)
		}
		for _, of := range []func(context.Context, string) ([]thing, error){e.queried, e.functions} {
			found, err := of(ctx, region)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	buckets, err := e.buckets(ctx)
	return append(all, buckets...), err
}

func (e *emulator) list(ctx context.Context, region string, l listing) ([]thing, error) {
	in := object{}
	if l.kind == "user pool" {
		in["MaxResults"] = 60
	}
	var answer object
	if err := e.json(ctx, region, l.service, l.target, in, &answer); err != nil {
		return nil, err
	}
	var found []thing
	entries, _ := answer[l.list].([]any)
	for _, entry := range entries {
		name := text(entry)
		if l.name != "" {
			name = text(entry, l.name)
		}
		if l.kind == "key" {
			gone, err := e.pending(ctx, region, name)
			if err != nil {
				return nil, err
			}
			if gone {
				continue
			}
		}
		if !strings.HasPrefix(name, "alias/aws/") { // which every account has
			found = append(found, thing{region, l.kind, name})
		}
	}
	return found, nil
}

// pending tells whether KMS is going to delete a key.
func (e *emulator) pending(ctx context.Context, region, key string) (bool, error) {
	var answer struct{ KeyMetadata struct{ KeyState string } }
	err := e.json(ctx, region, "kms", "TrentService.DescribeKey", object{"KeyId": key}, &answer)
	return answer.KeyMetadata.KeyState == "PendingDeletion", err
}

// queried lists what the older protocol tells.
func (e *emulator) queried(ctx context.Context, region string) ([]thing, error) {
	var answer struct {
		Balancers []string `xml:"DescribeLoadBalancersResult>LoadBalancers>member>LoadBalancerArn"`
		Queues    []string `xml:"ListQueuesResult>QueueUrl"`
		Topics    []string `xml:"ListTopicsResult>Topics>member>TopicArn"`
	}
	for _, call := range []struct{ service, version, action string }{
		{"elasticloadbalancing", "2015-12-01", "DescribeLoadBalancers"},
		{"sqs", "2012-11-05", "ListQueues"}, {"sns", "2010-03-31", "ListTopics"},
	} {
		if err := e.query(ctx, region, call.service, call.version, call.action, nil, &answer); err != nil {
			return nil, err
		}
	}
	var found []thing
	for kind, names := range map[string][]string{"load balancer": answer.Balancers, "queue": answer.Queues, "topic": answer.Topics} {
		for _, name := range names {
			found = append(found, thing{region, kind, name})
		}
	}
	return found, nil
}

func (e *emulator) functions(ctx context.Context, region string) ([]thing, error) {
	var answer struct {
		Functions []struct{ FunctionName string }
	}
	if err := e.rest(ctx, region, "lambda", http.MethodGet, "/2015-03-31/functions", nil, &answer); err != nil {
		return nil, err
	}
	var found []thing
	for _, f := range answer.Functions {
		found = append(found, thing{region, "function", f.FunctionName})
	}
	return found, nil
}

func (e *emulator) s3(region string) *s3.Client {
	return s3.NewFromConfig(e.config(region), func(o *s3.Options) { o.UsePathStyle = true })
}

// buckets lists those that do not belong to the CDK's bootstrap.
func (e *emulator) buckets(ctx context.Context) ([]thing, error) {
	answer, err := e.s3(regions[0]).ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return nil, fmt.Errorf("list the buckets: %w", err)
	}
	var found []thing
	for _, b := range answer.Buckets {
		name := aws.ToString(b.Name)
		if strings.HasPrefix(name, "cdk-") {
			continue
		}
		at, err := e.s3(regions[0]).GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &name})
		if err != nil {
			return nil, fmt.Errorf("look where the bucket %s is: %w", name, err)
		}
		found = append(found, thing{string(at.LocationConstraint), "bucket", name})
	}
	return found, nil
}

// fill puts a file into each bucket, another version over it, and a deletion over that.
func (d *deployment) fill(ctx context.Context) error {
	buckets, err := d.emulator.buckets(ctx)
	if err != nil {
		return err
	}
	if len(buckets) < 6 {
		return fmt.Errorf("there are only the buckets %v", buckets)
	}
	key := "uploads/file"
	for _, b := range buckets {
		client := d.emulator.s3(b.region)
		for range 2 {
			if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader([]byte(b.name))}); err != nil {
				return fmt.Errorf("fill %s: %w", b.name, err)
			}
		}
		other := "uploads/other"
		if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &other, Body: bytes.NewReader(nil)}); err != nil {
			return fmt.Errorf("fill %s: %w", b.name, err)
		}
		if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key}); err != nil {
			return fmt.Errorf("fill %s: %w", b.name, err)
		}
	}
	return nil
}

// empty does what the CDK's function does to a bucket before it is deleted.
func (e *emulator) empty(ctx context.Context, region, bucket string) error {
	client := e.s3(region)
	versions, err := client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		return err
	}
	var all []types.ObjectIdentifier
	for _, v := range versions.Versions {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, m := range versions.DeleteMarkers {
		all = append(all, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
	}
	if len(all) == 0 {
		return nil
	}
	_, err = client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: all}})
	return err
}
