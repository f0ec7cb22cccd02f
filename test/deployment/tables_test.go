package deployment_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// mirrorTables makes the tables of a region in DynamoDB Local, as the emulator describes them. The replicas of a global table are one
// table there.
func (w *world) mirrorTables(ctx context.Context, region string) error {
	emulated, database := dynamodb.NewFromConfig(w.emulator.config(region)), probe.NewDynamoDB(region, w.database.Endpoint)
	listed, err := emulated.ListTables(ctx, &dynamodb.ListTablesInput{})
	if err != nil {
		return fmt.Errorf("list the tables of %s: %w", region, err)
	}
	for _, name := range listed.TableNames {
		out, err := emulated.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		if err != nil {
			return fmt.Errorf("describe table %s: %w", name, err)
		}
		_, err = database.CreateTable(ctx, mirrored(out.Table))
		if err != nil && !errors.As(err, new(*types.ResourceInUseException)) {
			return fmt.Errorf("make table %s in DynamoDB Local: %w", name, err)
		}
	}
	return nil
}

// mirrored makes a table like one that is described.
func mirrored(table *types.TableDescription) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName: table.TableName, AttributeDefinitions: table.AttributeDefinitions, KeySchema: table.KeySchema,
		BillingMode: types.BillingModePayPerRequest,
	}
	if s := table.StreamSpecification; s != nil && aws.ToBool(s.StreamEnabled) {
		in.StreamSpecification = s
	}
	for _, index := range table.GlobalSecondaryIndexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: index.IndexName, KeySchema: index.KeySchema, Projection: index.Projection,
		})
	}
	return in
}

// streamOf finds the stream of DynamoDB Local that stands for one of the emulator.
func (w *world) streamOf(ctx context.Context, region, table, emulated string) (string, error) {
	out, err := probe.NewDynamoDB(region, w.database.Endpoint).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return "", fmt.Errorf("find the stream of %s: %w", table, err)
	}
	if out.Table.LatestStreamArn == nil {
		return "", fmt.Errorf("table %s has no stream", table)
	}
	w.recorder.Name(region, *out.Table.LatestStreamArn, emulated)
	return *out.Table.LatestStreamArn, nil
}
