package stays

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// kinds are what people call a type of resource.
var kinds = map[string]string{
	"AWS::Cognito::UserPool":      "user pool",
	"AWS::Cognito::UserPoolGroup": "group of the pool",
	"AWS::DynamoDB::GlobalTable":  "table",
	"AWS::KMS::Key":               "key",
	"AWS::KMS::ReplicaKey":        "replica of the key",
	"AWS::Logs::LogGroup":         "log group",
	"AWS::S3::Bucket":             "bucket",
}

// named are the properties in which a template may give a name of its own.
var named = []string{"TableName", "BucketName", "LogGroupName", "GroupName", "UserPoolName"}

// stays tells whether the resource outlives its stack. A call is nothing by itself, and the versions of a function, which
// are kept from one deployment to the next, go with the function.
func (r Resource) stays() bool {
	return r.DeletionPolicy != "" && r.DeletionPolicy != "Delete" && !strings.HasPrefix(r.Type, "Custom::") &&
		r.Type != "AWS::Lambda::Version"
}

// text is a property that is known in the template; empty where it is not.
func (r Resource) text(property string) string {
	text, _ := r.Properties[property].(string)
	return text
}

// name is what a resource is called, as far as it is known.
func (s Stack) name(id string) (name string, known bool) {
	if name := s.Names[id]; name != "" {
		return name, true
	}
	for _, property := range named {
		if name := s.Resources[id].text(property); name != "" {
			return name, true
		}
	}
	return id, false
}

// kept lists what outlives the stack.
func (s Stack) kept() []string {
	var lines []string
	unknown := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		r := s.Resources[id]
		if !r.stays() {
			continue
		}
		kind, told := kinds[r.Type]
		if !told {
			kind = r.Type
		}
		name, known := s.name(id)
		if !known {
			unknown[r.Type] = true
			name += " in the template"
		}
		lines = append(lines, fmt.Sprintf("    %-18s  %s%s", kind, name, r.alsoIn(s.Region)))
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	all := append([]string{"  of " + s.Name + " in " + s.Region}, lines...)
	if len(unknown) == 0 {
		return all
	}
	return append(all, "    # what the template does not name is called, as long as the stack is there:",
		"    "+s.find(slices.Sorted(maps.Keys(unknown))))
}

// alsoIn names the other regions in which a table is.
func (r Resource) alsoIn(region string) string {
	var others []string
	for _, other := range r.replicas() {
		if other != region {
			others = append(others, other)
		}
	}
	if len(others) == 0 {
		return ""
	}
	return ", also in " + strings.Join(others, ", ")
}

func (r Resource) replicas() []string {
	var all []string
	replicas, _ := r.Properties["Replicas"].([]any)
	for _, replica := range replicas {
		replica, _ := replica.(map[string]any)
		if region, _ := replica["Region"].(string); region != "" {
			all = append(all, region)
		}
	}
	return all
}

// find is the command that tells what the resources of some types are called.
func (s Stack) find(types []string) string {
	conditions := make([]string, len(types))
	for i, t := range types {
		conditions[i] = "ResourceType=='" + t + "'"
	}
	return fmt.Sprintf("aws cloudformation list-stack-resources --region %s --stack-name %s --output text "+
		`--query "StackResourceSummaries[?%s].[LogicalResourceId,PhysicalResourceId]"`,
		s.Region, s.Name, strings.Join(conditions, " || "))
}
