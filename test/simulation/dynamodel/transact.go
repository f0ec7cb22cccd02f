package dynamodel

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// tokenCharsMax bounds a ClientRequestToken.
const tokenCharsMax = 36

// TransactWriteItems makes all writes or none. Where none is made, one reason for each item tells why.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
func (d *Database) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...option) (*dynamodb.TransactWriteItemsOutput, error) {
	if n := len(in.TransactItems); n == 0 || n > contract.TransactionItemsMax {
		return nil, invalid("Member must have length less than or equal to %d and greater than 0, has %d", contract.TransactionItemsMax, n)
	}
	operations, err := d.prepareAll(in.TransactItems)
	if err != nil {
		return nil, err
	}
	if in.ClientRequestToken != nil {
		done, err := d.spentToken(in)
		if done || err != nil {
			return &dynamodb.TransactWriteItemsOutput{}, err
		}
	}
	after, reasons := outcomes(operations)
	if reasons != nil {
		return nil, cancellation(reasons)
	}
	for i, o := range operations {
		if o.next != nil {
			d.write(o.table, o.key, after[i], Local)
		}
	}
	if in.ClientRequestToken != nil {
		d.tokens[*in.ClientRequestToken] = spent{in, d.now()}
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

// outcomes returns what each operation would leave, or why the transaction cannot be.
func outcomes(operations []operation) (after []Item, reasons []types.CancellationReason) {
	after, reasons = make([]Item, len(operations)), make([]types.CancellationReason, len(operations))
	canceled := false
	for i, o := range operations {
		before := o.table.item(o.key)
		reasons[i].Code = aws.String("None")
		if !o.condition.holds(o.scope, before) {
			canceled = true
			reasons[i].Code, reasons[i].Message = aws.String("ConditionalCheckFailed"), aws.String("The conditional request failed")
			if o.returnOld {
				reasons[i].Item = before
			}
			continue
		}
		if o.next == nil {
			continue // a check of a condition alone
		}
		var err error
		var api smithy.APIError
		if after[i], err = o.next(before); errors.As(err, &api) {
			canceled = true
			reasons[i].Code, reasons[i].Message = aws.String("ValidationError"), aws.String(api.ErrorMessage())
		}
	}
	if !canceled {
		return after, nil
	}
	return nil, reasons
}

// spentToken tells whether the very same transaction took place before under its token.
func (d *Database) spentToken(in *dynamodb.TransactWriteItemsInput) (done bool, err error) {
	token := *in.ClientRequestToken
	if token == "" || len(token) > tokenCharsMax {
		return false, invalid("1 validation error detected: Value at 'clientRequestToken' must have length 1 to %d", tokenCharsMax)
	}
	before, used := d.tokens[token]
	if !used || d.now().Sub(before.at) > tokenLifetime {
		return false, nil
	}
	if before.input != in && !reflect.DeepEqual(before.input.TransactItems, in.TransactItems) {
		return false, &types.IdempotentParameterMismatchException{Message: aws.String("the token was used with other parameters")}
	}
	return true, nil
}

func (d *Database) prepareAll(items []types.TransactWriteItem) ([]operation, error) {
	operations := make([]operation, 0, len(items))
	for _, item := range items {
		o, err := d.prepareTransact(item)
		if err != nil {
			return nil, err
		}
		for _, other := range operations {
			if other.table == o.table && other.key == o.key {
				return nil, invalid("Transaction request cannot include multiple operations on one item")
			}
		}
		operations = append(operations, o)
	}
	return operations, nil
}

func (d *Database) prepareTransact(item types.TransactWriteItem) (o operation, err error) {
	var wish types.ReturnValuesOnConditionCheckFailure
	switch {
	case item.Update != nil:
		u := item.Update
		o, err = d.prepareUpdate(u.TableName, u.Key, u.UpdateExpression, u.ConditionExpression, u.ExpressionAttributeNames, u.ExpressionAttributeValues)
		wish = u.ReturnValuesOnConditionCheckFailure
	case item.Put != nil:
		p := item.Put
		o, err = d.preparePut(p.TableName, p.Item, p.ConditionExpression, p.ExpressionAttributeNames, p.ExpressionAttributeValues)
		wish = p.ReturnValuesOnConditionCheckFailure
	case item.Delete != nil:
		x := item.Delete
		o, err = d.prepareDelete(x.TableName, x.Key, x.ConditionExpression, x.ExpressionAttributeNames, x.ExpressionAttributeValues)
		wish = x.ReturnValuesOnConditionCheckFailure
	case item.ConditionCheck != nil:
		c := item.ConditionCheck
		o, err = d.prepared(c.TableName, c.Key, true, c.ConditionExpression, c.ExpressionAttributeNames, c.ExpressionAttributeValues)
		wish = c.ReturnValuesOnConditionCheckFailure
	default:
		err = invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	o.returnOld = wish == types.ReturnValuesOnConditionCheckFailureAllOld
	return o, err
}

// Canceled returns the error of a transaction of n items of which some had these codes, by their index.
func Canceled(n int, codes map[int]string) error {
	reasons := make([]types.CancellationReason, n)
	for i := range reasons {
		reasons[i].Code = aws.String("None")
		if code, has := codes[i]; has {
			reasons[i].Code = aws.String(code)
		}
	}
	return cancellation(reasons)
}

func cancellation(reasons []types.CancellationReason) error {
	codes := make([]string, len(reasons))
	for i, r := range reasons {
		codes[i] = aws.ToString(r.Code)
	}
	return &types.TransactionCanceledException{
		Message:             aws.String(fmt.Sprintf("Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))),
		CancellationReasons: reasons,
	}
}
