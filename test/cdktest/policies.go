package cdktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Policies lists what the policies of the resources allow and deny, a line for each statement: roles and who may assume
// them, keys, buckets, queues and topics. Read it as the text of a golden file:
//
//	ApiTaskPolicy
//	  allow dynamodb:Query on TablesReadings.Arn
//	  allow kms:Decrypt on Key.Arn if StringEquals kms:ViaService dynamodb.eu-west-1.amazonaws.com
func (t Template) Policies() string {
	var lines []string
	for _, r := range t.All("") {
		for _, property := range []string{"AssumeRolePolicyDocument", "KeyPolicy", "PolicyDocument"} {
			statements, _ := r.Property(property, "Statement").([]any)
			if len(statements) == 0 {
				continue
			}
			lines = append(lines, r.ID)
			for _, s := range statements {
				statement, _ := s.(map[string]any)
				lines = append(lines, "  "+sentence(statement))
			}
		}
	}
	return strings.Join(append(lines, ""), "\n")
}

// sentence tells a statement of a policy.
func sentence(statement map[string]any) string {
	text := strings.ToLower(fmt.Sprint(statement["Effect"])) + " "
	for _, part := range []struct{ before, key string }{
		{"", "Action"}, {"all but ", "NotAction"}, {" to ", "Principal"}, {" to all but ", "NotPrincipal"},
		{" on ", "Resource"}, {" on all but ", "NotResource"},
	} {
		if value, ok := statement[part.key]; ok {
			text += part.before + Listed(value)
		}
	}
	conditions, _ := statement["Condition"].(map[string]any)
	for _, operator := range slices.Sorted(maps.Keys(conditions)) {
		keys, _ := conditions[operator].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			text += " if " + operator + " " + key + " " + Listed(keys[key])
		}
	}
	return text
}

// Listed writes a value of a template without the signs of JSON: what a list holds between commas, and in place of a
// function of CloudFormation what it stands for, such as Key.Arn.
func Listed(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		parts := make([]string, len(value))
		for i, v := range value {
			parts[i] = Listed(v)
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		if text, ok := intrinsic(value); ok {
			return text
		}
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(value)) { // AWS and Service of a principal
			parts = append(parts, Listed(value[name]))
		}
		return strings.Join(parts, ", ")
	}
	text, _ := json.Marshal(value) // a number or a bool
	return string(text)
}

// intrinsic writes a function of CloudFormation as what it stands for.
func intrinsic(value map[string]any) (string, bool) {
	if name, ok := value["Ref"].(string); ok {
		return name, true
	}
	if attribute, ok := value["Fn::GetAtt"].([]any); ok {
		return strings.ReplaceAll(Listed(attribute), ", ", "."), true
	}
	if chosen, ok := value["Fn::Select"].([]any); ok && len(chosen) == 2 {
		return Listed(chosen[1]) + "[" + Listed(chosen[0]) + "]", true
	}
	if split, ok := value["Fn::Split"].([]any); ok && len(split) == 2 {
		return Listed(split[1]), true
	}
	if joined, ok := value["Fn::Join"].([]any); ok && len(joined) == 2 {
		parts, _ := joined[1].([]any)
		text := ""
		for i, part := range parts {
			if i > 0 {
				text += Listed(joined[0])
			}
			text += Listed(part)
		}
		return text, true
	}
	return "", false
}
