package simulation_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// client is a region's tables as one process sees them. Other processes go on before each call, and calls may fail. Reads that
// are no snapshots in DynamoDB are none here.
type client struct {
	w *world
	p *process
	// late is how much later than its caller gave up a call may take place though the caller lives on; 0 is not at all.
	late time.Duration
}

type option = func(*dynamodb.Options)

var (
	errThrottled = &types.ProvisionedThroughputExceededException{Message: aws.String("simulated")}
	errTimeout   = errors.New("simulated: no answer within the call's time")
)

func (c *client) db() *dynamodel.Database { return c.p.region.db }

// read is what precedes every read.
func (c *client) read(what string) error {
	c.w.count(countCalls, 1)
	c.p.step()
	if c.w.chance(throttles, 25) {
		c.w.tracef("%s: %s is throttled", c.p.name, what)
		return errThrottled
	}
	c.w.tracef("%s: %s", c.p.name, what)
	return nil
}

// write makes a call that has an effect, at once, later, or never.
func (c *client) write(what string, effect func() error) error {
	c.w.count(countCalls, 1)
	run := func() { _ = effect() } // the caller never learns of an error
	c.p.onItsWay = run
	c.p.step()
	c.p.onItsWay = nil
	if c.w.chance(throttles, 15) {
		c.w.tracef("%s: %s is throttled", c.p.name, what)
		return errThrottled
	}
	if c.w.chance(lost, 15) {
		c.p.unknown++
		switch choice := c.w.random.IntN(5); {
		case choice == 0:
			c.w.tracef("%s: %s is lost on its way", c.p.name, what)
		case choice <= 2 && c.w.on[late] && c.late > 0:
			c.w.tracef("%s: %s gets no answer and will take place later", c.p.name, what)
			c.w.land(c.late, run)
		default:
			c.w.tracef("%s: %s takes place and gets no answer", c.p.name, what)
			run()
		}
		return errTimeout
	}
	err := effect()
	if err != nil {
		c.w.tracef("%s: %s: %v", c.p.name, what, err)
	} else {
		c.w.tracef("%s: %s", c.p.name, what)
	}
	if c.w.random.IntN(3) == 0 {
		c.p.step() // a process that dies here dies after the effect
	}
	return err
}

func (c *client) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...option) (*dynamodb.GetItemOutput, error) {
	if err := c.read("GetItem"); err != nil {
		return nil, err
	}
	return c.db().GetItem(ctx, in)
}

// BatchGetItem may leave keys for another call.
func (c *client) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, _ ...option) (*dynamodb.BatchGetItemOutput, error) {
	if err := c.read("BatchGetItem"); err != nil {
		return nil, err
	}
	for table, wanted := range in.RequestItems { // of one table
		lagging := wanted
		if c.w.without == consistentRows && table == aggregatesTable {
			lagging.ConsistentRead = nil
		}
		if left := len(wanted.Keys); c.w.chance(unprocessed, 20) {
			lagging.Keys = wanted.Keys[:c.w.random.IntN(left)]
		}
		out := &dynamodb.BatchGetItemOutput{}
		if len(lagging.Keys) > 0 {
			var err error
			if out, err = c.db().BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{table: lagging}}); err != nil {
				return nil, err
			}
		}
		if left := wanted.Keys[len(lagging.Keys):]; len(left) > 0 {
			out.UnprocessedKeys = map[string]types.KeysAndAttributes{table: {Keys: left}}
		}
		return out, nil
	}
	return c.db().BatchGetItem(ctx, in)
}

func (c *client) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...option) (out *dynamodb.PutItemOutput, err error) {
	err = c.write("PutItem", func() (err error) { out, err = c.db().PutItem(ctx, in); return err })
	return out, err
}

func (c *client) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...option) (out *dynamodb.UpdateItemOutput, err error) {
	err = c.write("UpdateItem", func() (err error) { out, err = c.db().UpdateItem(ctx, in); return err })
	return out, err
}

func (c *client) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, _ ...option) (out *dynamodb.DeleteItemOutput, err error) {
	err = c.write("DeleteItem", func() (err error) { out, err = c.db().DeleteItem(ctx, in); return err })
	return out, err
}

// TransactWriteItems is all or nothing, and may be cancelled because of what others do.
func (c *client) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...option) (out *dynamodb.TransactWriteItemsOutput, err error) {
	if c.w.without == rangeCommit {
		in = withoutCondition(in, uploadsTable)
	}
	if c.w.chance(conflicts, 10) {
		c.p.step()
		n, codes := len(in.TransactItems), map[int]string{}
		for range 1 + c.w.random.IntN(2) {
			codes[c.w.random.IntN(n)] = []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}[c.w.random.IntN(3)]
		}
		return nil, dynamodel.Canceled(n, codes)
	}
	err = c.write("TransactWriteItems", func() (err error) { out, err = c.db().TransactWriteItems(ctx, in); return err })
	return out, err
}

// BatchExecuteStatement judges each statement by itself, in any order and while others go on, and some may be throttled.
func (c *client) BatchExecuteStatement(ctx context.Context, in *dynamodb.BatchExecuteStatementInput, _ ...option) (*dynamodb.BatchExecuteStatementOutput, error) {
	if err := c.db().CheckStatements(in); err != nil {
		c.p.step()
		return nil, err
	}
	if c.p.region.refuseUntil.After(c.w.now) {
		c.p.step()
		return nil, errThrottled
	}
	if c.w.without == wholeItem {
		in = half(in)
	}
	out, err := c.run(ctx, in)
	if c.w.without == oneAttempt && errors.Is(err, errTimeout) {
		return c.run(ctx, in)
	}
	return out, err
}

// run sends a batch of statements once.
func (c *client) run(ctx context.Context, in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
	out := &dynamodb.BatchExecuteStatementOutput{Responses: make([]types.BatchStatementResponse, len(in.Statements))}
	order := c.w.random.Perm(len(in.Statements))
	if len(order) > 1 && c.w.chance(unprocessed, 5) {
		left := 1 + c.w.random.IntN(len(order)-1)
		for _, i := range order[:left] {
			out.Responses[i].Error = &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumProvisionedThroughputExceeded}
		}
		order = order[left:]
	}
	cut := len(order)
	if cut > 1 && c.w.random.IntN(3) == 0 {
		cut = 1 + c.w.random.IntN(cut-1)
	}
	for _, part := range [][]int{order[:cut], order[cut:]} {
		if len(part) == 0 {
			continue
		}
		statements := make([]types.BatchStatementRequest, len(part))
		for i, at := range part {
			statements[i] = in.Statements[at]
		}
		if err := c.write("BatchExecuteStatement", func() error {
			batch := &dynamodb.BatchExecuteStatementInput{Statements: statements}
			run := func() (*dynamodb.BatchExecuteStatementOutput, error) { return c.db().BatchExecuteStatement(ctx, batch) }
			if c.w.without == conditions {
				run = func() (*dynamodb.BatchExecuteStatementOutput, error) { return c.put(ctx, batch) }
			}
			done, err := run()
			if err != nil {
				return err
			}
			for i, at := range part {
				out.Responses[at] = done.Responses[i]
				if e := out.Responses[at].Error; e != nil && c.w.random.IntN(2) == 0 {
					e.Item = nil // DynamoDB tells what is there, DynamoDB Local does not
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Query reads item by item, while others go on.
func (c *client) Query(ctx context.Context, in *dynamodb.QueryInput, _ ...option) (*dynamodb.QueryOutput, error) {
	if err := c.read("Query"); err != nil {
		return nil, err
	}
	if c.w.without == consistentRead {
		lagging := *in
		lagging.ConsistentRead = nil
		in = &lagging
	}
	if in.Limit != nil || aws.ToString(in.TableName) != readingsTable || c.w.random.IntN(3) == 0 {
		return c.db().Query(ctx, in)
	}
	c.w.count(countQueriesCut, 1)
	whole, part := &dynamodb.QueryOutput{}, *in
	for {
		part.Limit = aws.Int32(1 + c.w.random.Int32N(2))
		out, err := c.db().Query(ctx, &part)
		if err != nil {
			return nil, err
		}
		whole.Items = append(whole.Items, out.Items...)
		part.ExclusiveStartKey = out.LastEvaluatedKey
		if len(out.LastEvaluatedKey) == 0 {
			return whole, nil
		}
		if c.w.random.IntN(4) == 0 {
			whole.LastEvaluatedKey = out.LastEvaluatedKey // the caller asks for the next page
			return whole, nil
		}
		c.p.step()
	}
}

// withoutCondition leaves the condition of a transaction's first item away, where that is of the table.
func withoutCondition(in *dynamodb.TransactWriteItemsInput, table string) *dynamodb.TransactWriteItemsInput {
	u := in.TransactItems[0].Update
	if u == nil || aws.ToString(u.TableName) != table {
		return in
	}
	bare := *u
	bare.ConditionExpression = nil
	bare.ExpressionAttributeNames = maps.Clone(u.ExpressionAttributeNames)
	delete(bare.ExpressionAttributeNames, "#part") // which nothing else uses
	next := *in
	next.TransactItems = slices.Clone(in.TransactItems)
	next.TransactItems[0].Update = &bare
	return &next
}
