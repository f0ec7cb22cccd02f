package storage

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/removal"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// protect switches the protection of the named tables against deletion on once they are there, in one region after the
// other. In a leaving region, and where the tables are disposable, it switches it off.
//
// Other regions find the tables by their names, so the names are ours. CloudFormation undoes a deployment that fails by
// deleting what it has made, and DynamoDB deletes no table that is protected: it would stay, and the next attempt would
// end with "already exists". So the tables are made without protection and with RetainExceptOnCreate. The calls have
// the same policy: where the deployment that makes them fails, each is undone, before its table is deleted; later none
// is.
//
// The template says nothing of the protection, so that a check for drift does not find it. It is set anew when the
// definition of a table changes.
func (t *GlobalTables) protect(p GlobalTablesProps) {
	t.Protection = constructs.NewConstruct(t, jsii.String("Protection"))
	regions := append([]Replica{{Region: *awscdk.Stack_Of(t).Region()}}, p.Replicas...)
	var before customresources.AwsCustomResource
	for _, table := range []struct {
		awsdynamodb.ITableV2
		contract.Table
	}{
		{t.Readings, contract.ReadingsTable()}, {t.Aggregates, contract.AggregatesTable()},
		{t.Revocations, contract.RevocationsTable()},
	} {
		revision := revisionOf(table.Table, p)
		for _, r := range regions {
			name := physicalName(p.Name, table.Table)
			props := CallProps{
				Type: "Custom::SensorFlowProtection", Key: t.key,
				Do:   setProtection(name, r.Region, !p.Disposable && !r.Disposable),
				Undo: setProtection(name, r.Region, false),
			}
			props.Do.PhysicalResourceId = customresources.PhysicalResourceId_Of(
				jsii.String(*name + "/" + r.Region + "/" + revision))
			props.Undo.IgnoreErrorCodesMatching = jsii.String("ResourceNotFound")
			if before == nil {
				props.Allow = t.allowProtection(p.Name, regions)
			}
			call := Call(t.Protection, table.Name+"-"+r.Region, props)
			call.Node().DefaultChild().(awscdk.CustomResource).ApplyRemovalPolicy(removal.Created(p.Disposable))
			call.Node().AddDependency(table.ITableV2)
			if before != nil { // no two calls at once, of which one could meet a table that still changes
				call.Node().AddDependency(before)
			}
			before = call
		}
	}
}

// setProtection switches the protection of a table in a region on or off.
func setProtection(table *string, region string, on bool) *customresources.AwsSdkCall {
	return &customresources.AwsSdkCall{
		Service: jsii.String("DynamoDB"), Action: jsii.String("updateTable"), Region: &region,
		Parameters:  map[string]any{"TableName": table, "DeletionProtectionEnabled": on},
		OutputPaths: jsii.Strings("TableDescription.TableName"), // an answer may have 4 kB
	}
}

// allowProtection lets the function of the calls update the tables in all regions. DynamoDB knows no narrower
// permission.
func (t *GlobalTables) allowProtection(name string, regions []Replica) awsiam.PolicyStatement {
	var arns []*string
	for _, table := range []contract.Table{
		contract.ReadingsTable(), contract.AggregatesTable(), contract.RevocationsTable(),
	} {
		for _, r := range regions {
			arns = append(arns, awscdk.Stack_Of(t).FormatArn(&awscdk.ArnComponents{
				Service: jsii.String("dynamodb"), Region: &r.Region,
				Resource: jsii.String("table"), ResourceName: physicalName(name, table),
			}))
		}
	}
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("dynamodb:UpdateTable"), Resources: &arns,
	})
}

// revisionOf changes with everything that changes a table.
func revisionOf(t contract.Table, p GlobalTablesProps) string {
	regions := make([]string, len(p.Replicas))
	for i, r := range p.Replicas {
		regions[i] = r.Region
	}
	definition, err := json.Marshal([]any{t, regions})
	if err != nil {
		panic(fmt.Errorf("encode the definition of the table %s: %w", t.Name, err)) // it is made of texts
	}
	return fmt.Sprintf("%x", sha256.Sum256(definition))[:8]
}
