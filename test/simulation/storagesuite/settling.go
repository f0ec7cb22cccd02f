package storagesuite

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// settling is a client whose queries that may lag wait until the last write is some time old, so that the cases need not tell a
// lag from a difference. There is a case that waits for what lags.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
type settling struct {
	Client
	settle time.Duration
	wrote  atomic.Int64 // the moment, in Unix nanoseconds
}

func (c *settling) write() { c.wrote.Store(time.Now().UnixNano()) }

func (c *settling) Query(ctx context.Context, in *dynamodb.QueryInput, o ...option) (*dynamodb.QueryOutput, error) {
	if !aws.ToBool(in.ConsistentRead) {
		if err := pacing.Sleep(ctx, time.Until(time.Unix(0, c.wrote.Load()).Add(c.settle))); err != nil {
			return nil, err
		}
	}
	return c.Client.Query(ctx, in, o...)
}

func (c *settling) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...option) (*dynamodb.PutItemOutput, error) {
	defer c.write()
	return c.Client.PutItem(ctx, in, o...)
}

func (c *settling) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...option) (*dynamodb.UpdateItemOutput, error) {
	defer c.write()
	return c.Client.UpdateItem(ctx, in, o...)
}

func (c *settling) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...option) (*dynamodb.DeleteItemOutput, error) {
	defer c.write()
	return c.Client.DeleteItem(ctx, in, o...)
}

func (c *settling) BatchExecuteStatement(
	ctx context.Context, in *dynamodb.BatchExecuteStatementInput, o ...option,
) (*dynamodb.BatchExecuteStatementOutput, error) {
	defer c.write()
	return c.Client.BatchExecuteStatement(ctx, in, o...)
}

func (c *settling) TransactWriteItems(
	ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...option,
) (*dynamodb.TransactWriteItemsOutput, error) {
	defer c.write()
	return c.Client.TransactWriteItems(ctx, in, o...)
}
