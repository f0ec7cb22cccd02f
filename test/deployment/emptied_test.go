package deployment_test

import (
	"context"
	"fmt"
	"os"
	"regexp"

	"github.com/sensorflow/sensorflow/test/permission"
)

// bucketCall finds the calls about a bucket in the source of the CDK's function that empties buckets.
var bucketCall = regexp.MustCompile(`\.(\w+)\(\{Bucket:`)

// bucketActions are the rights that such calls need, by the SDK's name. The last two are about the objects.
var bucketActions = map[string][]string{
	"getBucketTagging": {"s3:GetBucketTagging"}, "getBucketPolicy": {"s3:GetBucketPolicy"}, "putBucketPolicy": {"s3:PutBucketPolicy"},
	"listObjectVersions": {"s3:ListBucketVersions"}, "deleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
}

// emptiedBucket notes what the function will call when the stack is deleted: what its source has.
func emptiedBucket(_ context.Context, s *stack, id string, made *created) error {
	function, _, _ := referred(asObject(properties(s.resources()[id])["ServiceToken"]))
	key := text(made.Resolved[function], "Code", "S3Key")
	for _, a := range s.Assets {
		if a.Key != key || a.Source == "" {
			continue
		}
		source, err := os.ReadFile(a.Source)
		if err != nil {
			return fmt.Errorf("read the function that empties buckets: %w", err)
		}
		calls := bucketCall.FindAllSubmatch(source, -1)
		for _, c := range calls {
			actions := bucketActions[string(c[1])]
			if actions == nil {
				return fmt.Errorf("what the function needs for its call %s is not known", c[1])
			}
			for _, action := range actions {
				resource := "arn:aws:s3:::" + text(made.Resolved[id], "BucketName")
				if string(c[1]) == "deleteObjects" {
					resource += "/any"
				}
				s.lookups[function] = append(s.lookups[function], lookup{call: permission.Call{Action: action, Resource: resource}})
			}
		}
		if len(calls) > 0 {
			return nil
		}
	}
	return fmt.Errorf("the source of the function %s calls nothing about buckets", function)
}
