package cdktest_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/sensorflow/sensorflow/test/cdktest"
)

var errTooLarge = errors.New("size must be 3 at most")

func TestPolicies_TellEachStatementInALine(t *testing.T) {
	var template cdktest.Template
	if err := json.Unmarshal([]byte(`{"Resources": {
		"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [
			{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}}},
		"Policy": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [
			{"Effect": "Allow", "Action": ["dynamodb:Query", "dynamodb:PutItem"],
				"Resource": [{"Fn::GetAtt": ["Table", "Arn"]}, {"Fn::Join": ["", [{"Fn::GetAtt": ["Table", "Arn"]}, "/index/one"]]}],
				"Condition": {"StringEquals": {"kms:ViaService": "s3"}, "Bool": {"aws:SecureTransport": true}}},
			{"Effect": "Deny", "NotAction": "s3:*", "Resource": {"Ref": "Bucket"}}]}}},
		"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}
	}}`), &template); err != nil {
		t.Fatal(err)
	}
	want := `Policy
  allow dynamodb:Query, dynamodb:PutItem on Table.Arn, Table.Arn/index/one if Bool aws:SecureTransport true if StringEquals kms:ViaService s3
  deny all but s3:* on Bucket
Role
  allow sts:AssumeRole to lambda.amazonaws.com
`
	if got := template.Policies(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestListed_WritesWhatAFunctionStandsFor(t *testing.T) {
	for text, want := range map[string]string{
		`"a"`: "a", `["a", 2]`: "a, 2", `{"Ref": "AWS::Region"}`: "AWS::Region",
		`{"Fn::Select": [1, {"Fn::Split": ["/", {"Ref": "Listener"}]}]}`: "Listener[1]",
		`{"AWS": "arn:root", "Service": ["a", "b"]}`:                     "arn:root, a, b",
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if got := cdktest.Listed(value); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// sized is a type of props.
type sized struct{ Size int }

func (s sized) Validate() error {
	if s.Size > 3 {
		return errTooLarge
	}
	return nil
}

func TestRefuses_ComparesTheWholeSentence(t *testing.T) {
	cdktest.Refuses(t, sized{1},
		cdktest.Row("the largest", func(s *sized) { s.Size = 3 }, ""),
		cdktest.Row("rejects larger ones", func(s *sized) { s.Size = 4 }, errTooLarge.Error()),
	)
	r := &recorder{TB: t}
	cdktest.RefusesToBuild(r, "size must be 3", func() { panic(errTooLarge) })
	if len(r.errors) != 1 {
		t.Errorf("another sentence passes: %q", r.errors)
	}
}
