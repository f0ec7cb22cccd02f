package permission_test

import (
	"encoding/json"
	"testing"

	"github.com/sensorflow/sensorflow/test/permission"
)

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
	statements, err := permission.Statements(decoded)
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
			if got := permission.Allows(statements, permission.Call{Role: "role", Action: c.action, Resource: c.resource}, c.conditions); got != c.want {
				t.Errorf("allowed: %v", got)
			}
		})
	}
	if _, err := permission.Statements(map[string]any{"Statement": []any{map[string]any{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}}}); err == nil {
		t.Error("a statement that this reader does not know is read")
	}
}
