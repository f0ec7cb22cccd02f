package stays

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

const (
	// protection is the type of the calls that protect what they name against deletion, once it is there.
	protection = "Custom::SensorFlowProtection"
	// emptying is the type of the calls that empty a bucket before it is deleted.
	emptying = "Custom::S3AutoDeleteObjects"
)

// refusing lists what cannot be deleted, each with the command after which it can.
func (s Stack) refusing(environment string) []string {
	var steps []string
	emptied := map[string]bool{}
	for _, r := range s.Resources {
		if r.Type == emptying {
			emptied[reference(r.Properties["BucketName"])] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		r := s.Resources[id]
		switch {
		case r.Type == protection:
			if balancer := r.protects(); balancer != "" {
				steps = append(steps, step("the load balancer of "+s.Name, "aws elbv2 modify-load-balancer-attributes "+
					"--attributes Key=deletion_protection.enabled,Value=false --region "+s.Region+" --load-balancer-arn "+
					s.argument(balancer)))
			}
		case r.Type == "AWS::S3::Bucket" && !r.stays() && !emptied[id]:
			steps = append(steps, step("the bucket "+id+" of "+s.Name+", as long as anything is in it; again until there "+
				"is nothing", s.empty(id)))
		case r.Type == "AWS::Cognito::UserPoolReplica" && !r.stays():
			steps = append(steps, step("the replica of the user pool, where it is still active when the stack of its "+
				"region is gone", "make detach ENV="+environment+" REGION="+r.text("RegionName")))
		}
	}
	if s.Protected {
		steps = append(steps, step("the stack "+s.Name+" itself", "aws cloudformation update-termination-protection "+
			"--no-enable-termination-protection --region "+s.Region+" --stack-name "+s.Name))
	}
	return steps
}

var (
	switchedOn = regexp.MustCompile(`"Value":"true"`)
	referred   = regexp.MustCompile(`"Ref":"([^"]+)"`)
)

// protects names what a call protects, where CloudFormation is going to delete it: the load balancer. The tables, which
// calls protect as well, stay. A template has a call as a text, or as a list of texts and references.
func (r Resource) protects() string {
	text := ""
	switch create := r.Properties["Create"].(type) {
	case string:
		return "" // which names a table
	case map[string]any:
		parts, _ := create["Fn::Join"].([]any)
		text = strings.NewReplacer(`\`, "", " ", "").Replace(fmt.Sprint(encode(parts)))
	}
	balancer := referred.FindStringSubmatch(text)
	if balancer == nil || !switchedOn.MatchString(text) {
		return ""
	}
	return balancer[1]
}

// reference is the logical id to which a value refers.
func reference(value any) string {
	object, _ := value.(map[string]any)
	id, _ := object["Ref"].(string)
	return id
}

// argument is what a resource is called, or a command in the shell's brackets that finds it.
func (s Stack) argument(id string) string {
	if name := s.Names[id]; name != "" {
		return name
	}
	return fmt.Sprintf(`"$(aws cloudformation describe-stack-resource --region %s --stack-name %s --logical-resource-id %s `+
		`--query StackResourceDetail.PhysicalResourceId --output text)"`, s.Region, s.Name, id)
}

// empty is the command that takes a thousand objects out of a bucket, with all their versions.
func (s Stack) empty(id string) string {
	bucket := s.argument(id)
	return fmt.Sprintf(`aws s3api delete-objects --region %s --bucket %s --delete "$(aws s3api list-object-versions `+
		`--region %s --bucket %s --max-items 1000 --output json `+
		`--query '{Objects: [Versions, DeleteMarkers][][].{Key: Key, VersionId: VersionId}}')"`,
		s.Region, bucket, s.Region, bucket)
}
