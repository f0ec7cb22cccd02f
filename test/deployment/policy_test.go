package deployment_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// list is one text, or several, as policies have both.
type list []string

// UnmarshalJSON reads either form.
func (l *list) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = list{one}
		return nil
	}
	var several []string
	if err := json.Unmarshal(data, &several); err != nil {
		return fmt.Errorf("read %s: %w", data, err)
	}
	*l = several
	return nil
}

// policyStatement is a statement of a policy.
type policyStatement struct {
	Effect           string
	Action, Resource list
	NotResource      list // in place of Resource
	Condition        map[string]map[string]list
}

// statementsOf reads the statements of a policy's document. What this reader does not know is an error, not ignored.
func statementsOf(document any) ([]policyStatement, error) {
	encoded, err := json.Marshal(at(document, "Statement"))
	if err != nil {
		return nil, fmt.Errorf("read a policy: %w", err)
	}
	var statements []policyStatement
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&statements); err != nil {
		return nil, fmt.Errorf("read a policy: %w", err)
	}
	return statements, nil
}

// covers tells whether one of the statement's patterns of actions, and one of its resources, is meant by the call, and its conditions
// hold for what the call is made with.
func (s policyStatement) covers(c call, conditions map[string]string) bool {
	matchesOne := func(patterns list, value string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return like(pattern, value) })
	}
	meant := matchesOne(s.Resource, c.Resource) || len(s.NotResource) > 0 && !matchesOne(s.NotResource, c.Resource)
	return meant && matchesOne(s.Action, c.Action) && s.holds(conditions)
}

// holds tells whether all conditions hold. A key that the call is made without holds nothing.
func (s policyStatement) holds(conditions map[string]string) bool {
	for operator, keys := range s.Condition {
		for key, wanted := range keys {
			value, given := conditions[key]
			if !given || !slices.ContainsFunc(wanted, func(w string) bool { return satisfies(operator, w, value) }) {
				return false
			}
		}
	}
	return true
}

// conditions tells them in words.
func (s policyStatement) conditions() string {
	told := ""
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			told += " if " + operator + " " + key + " " + strings.Join(s.Condition[operator][key], ", ")
		}
	}
	return told
}

func satisfies(operator, wanted, value string) bool {
	switch operator {
	case "StringEquals", "ArnEquals":
		return wanted == value
	case "StringLike", "ArnLike":
		return like(wanted, value)
	}
	return false // an operator that is not known here holds nothing
}

// like compares with a pattern in which * stands for any text and ? for one character. Actions are compared in lower case by IAM; here
// both sides are written alike, so that case counts.
func like(pattern, value string) bool {
	quoted := regexp.QuoteMeta(pattern)
	expression := "^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(quoted) + "$"
	matched, err := regexp.MatchString(expression, value)
	return err == nil && matched
}

// allows tells whether a role's statements allow a call: one does, and none denies it.
func allows(statements []policyStatement, c call, conditions map[string]string) bool {
	allowed := false
	for _, s := range statements {
		if !s.covers(c, conditions) {
			continue
		}
		if s.Effect != "Allow" {
			return false
		}
		allowed = true
	}
	return allowed
}

func TestPolicy_AllowsWhatItSays(t *testing.T) {
	document := `{"Statement":[
		{"Effect":"Allow","Action":["s3:GetObject","s3:Put*"],"Resource":"arn:aws:s3:::b/uploads/*"},
		{"Effect":"Allow","Action":"kms:DescribeKey","Resource":"*","Condition":{"StringEquals":{"kms:RequestAlias":["alias/a","alias/b"]}}},
		{"Effect":"Allow","Action":"q:A","Resource":"r-??"},
		{"Effect":"Allow","Action":"t:A","Resource":"*"},
		{"Effect":"Deny","Action":"t:A","NotResource":["ours-*"]},
		{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/uploads/secret"}]}`
	var decoded any
	if err := json.Unmarshal([]byte(document), &decoded); err != nil {
		t.Fatal(err)
	}
	statements, err := statementsOf(decoded)
	if err != nil {
		t.Fatal(err)
	}
	alias := func(name string) map[string]string { return map[string]string{"kms:RequestAlias": name} }
	for name, c := range map[string]struct {
		action, resource string
		conditions       map[string]string
		want             bool
	}{
		"an action on a resource":          {"s3:GetObject", "arn:aws:s3:::b/uploads/1", nil, true},
		"a pattern of actions":             {"s3:PutObject", "arn:aws:s3:::b/uploads/1", nil, true},
		"rejects another action":           {"s3:DeleteObject", "arn:aws:s3:::b/uploads/1", nil, false},
		"rejects another resource":         {"s3:GetObject", "arn:aws:s3:::b/rejects/1", nil, false},
		"rejects what is denied":           {"s3:GetObject", "arn:aws:s3:::b/uploads/secret", nil, false},
		"a condition that holds":           {"kms:DescribeKey", "key", alias("alias/b"), true},
		"rejects another value":            {"kms:DescribeKey", "key", alias("alias/c"), false},
		"rejects a call without the key":   {"kms:DescribeKey", "key", nil, false},
		"what is excepted from a denial":   {"t:A", "ours-1", nil, true},
		"rejects what is not excepted":     {"t:A", "theirs", nil, false},
		"single characters":                {"q:A", "r-12", nil, true},
		"rejects too many for the pattern": {"q:A", "r-123", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := allows(statements, call{"role", c.action, c.resource}, c.conditions); got != c.want {
				t.Errorf("allowed: %v", got)
			}
		})
	}
	if _, err := statementsOf(object{"Statement": []any{object{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}}}); err == nil {
		t.Error("a statement that this reader does not know is read")
	}
}

// ownedByAWS begins the names of policies that AWS keeps.
const ownedByAWS = "arn:aws:iam::aws:policy/"

// roles returns the statements of each role of the stack, by the role's name.
func (c *created) roles() (map[string][]policyStatement, error) {
	all := map[string][]policyStatement{}
	add := func(role string, document any) error {
		statements, err := statementsOf(document)
		all[role] = append(all[role], statements...)
		return err
	}
	for _, id := range c.ofType("AWS::IAM::Role") {
		name, p := c.Physical[id], c.Resolved[id]
		all[name] = nil
		inline, _ := p["Policies"].([]any)
		for _, policy := range inline {
			if err := add(name, at(policy, "PolicyDocument")); err != nil {
				return nil, err
			}
		}
		for _, arn := range texts(p["ManagedPolicyArns"]) {
			if strings.HasPrefix(arn, ownedByAWS) { // its text is not in the template
				all[name] = append(all[name], policyStatement{Effect: "Allow", Action: list{arn}, Resource: list{"*"}})
				continue
			}
			found := false
			for _, managed := range c.ofType("AWS::IAM::ManagedPolicy") {
				if path.Base(c.Physical[managed]) == path.Base(arn) {
					found = true
					if err := add(name, c.Resolved[managed]["PolicyDocument"]); err != nil {
						return nil, err
					}
				}
			}
			if !found {
				return nil, fmt.Errorf("role %s has the policy %s, which the stack does not make", id, arn)
			}
		}
	}
	for _, id := range c.ofType("AWS::IAM::Policy") {
		for _, role := range texts(c.Resolved[id]["Roles"]) {
			if err := add(role, c.Resolved[id]["PolicyDocument"]); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
