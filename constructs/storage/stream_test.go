package storage_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/test/cdktest"
)

func tableNamed(stack awscdk.Stack, name string) awsdynamodb.ITable {
	return awsdynamodb.TableV2_FromTableName(stack, jsii.String(name), &name)
}

func TestReplicaStream_DescribesOneTable(t *testing.T) {
	app := cdktest.NewApp(t)
	stack := cdktest.NewStack(app, "Stack", secondary)
	storage.NewReplicaStream(stack, "One", &storage.ReplicaStreamProps{Table: tableNamed(stack, "Mine")})
	storage.NewReplicaStream(stack, "Two", &storage.ReplicaStreamProps{Table: tableNamed(stack, "Yours")})
	out := cdktest.Synth(t, app)
	template := out.Template(t, "Stack")
	for id, table := range map[string]string{"One": "Mine", "Two": "Yours"} {
		template.Find(t, "AWS::IAM::Policy", id+"LookupCustomResourcePolicy").Want(t, []any{map[string]any{
			"Effect":   "Allow",
			"Action":   "dynamodb:DescribeTable",
			"Resource": "arn:aws:dynamodb:eu-west-1:111111111111:table/" + table,
		}}, "PolicyDocument", "Statement")
		call := template.Find(t, "Custom::SensorFlowLookup", id+"Lookup").Text(t, "Create")
		if !strings.Contains(call, `"TableName":"`+table+`"`) {
			t.Errorf("%s calls %s", id, call)
		}
	}
	// One function serves both, with a role and a log of ours.
	function := template.Only(t, "AWS::Lambda::Function")
	function.Want(t, map[string]any{"Fn::GetAtt": []string{template.Only(t, "AWS::IAM::Role").ID, "Arn"}}, "Role")
	template.Only(t, "AWS::Logs::LogGroup").Want(t, 30, "RetentionInDays")
	body := cdktest.JSON(t, template)
	if strings.Contains(body, "service-role/") || strings.Contains(body, "stream/*") {
		t.Error("there is a managed policy or an address with a wildcard")
	}
	out.LeastPrivilege(t)
}

func TestReplicaStream_EveryPropMatters(t *testing.T) {
	cdktest.EveryPropMatters(t,
		func(stack awscdk.Stack) storage.ReplicaStreamProps {
			return storage.ReplicaStreamProps{Table: tableNamed(stack, "Mine")}
		},
		func(stack awscdk.Stack, p *storage.ReplicaStreamProps) { storage.NewReplicaStream(stack, "Stream", p) },
		map[string]func(awscdk.Stack, *storage.ReplicaStreamProps){
			"Table":    func(s awscdk.Stack, p *storage.ReplicaStreamProps) { p.Table = tableNamed(s, "Yours") },
			"Key":      func(s awscdk.Stack, p *storage.ReplicaStreamProps) { p.Key = keyIn(s, secondary) },
			"Revision": func(_ awscdk.Stack, p *storage.ReplicaStreamProps) { p.Revision = "2" },
		})
	refused(t, []string{"Table is required"}, func(stack awscdk.Stack) { storage.NewReplicaStream(stack, "It", nil) })
}
