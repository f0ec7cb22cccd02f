package dynamodel

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// option is what every call of the SDK's client may be given; the model takes none into account.
type option = func(*dynamodb.Options)

// operation is a conditional write of one item that was checked, except for what depends on the item.
type operation struct {
	table     *table
	key       Key
	condition *condition
	scope     *scope
	// next returns the item that the write leaves, nil for a deletion.
	next func(before Item) (Item, error)
	// returnOld asks for the item where the condition fails.
	returnOld bool
}

// prepared checks what a conditional write consists of.
func (d *Database) prepared(name *string, keyed Item, exact bool, c *string, names map[string]string, values Item, uses ...[]string) (operation, error) {
	t, err := d.table(name)
	if err != nil {
		return operation{}, err
	}
	o := operation{table: t, condition: parseCondition(c)}
	if o.condition.err != nil {
		return o, o.condition.err
	}
	if exact {
		o.key, err = t.exactKey(keyed)
	} else {
		o.key, err = t.keyOf(keyed)
	}
	if err != nil {
		return o, err
	}
	if o.scope, err = newScope(names, values, append(uses, o.condition.uses)...); err != nil {
		return o, err
	}
	return o, obey(o.scope, o.condition.rules)
}

func (d *Database) preparePut(name *string, item Item, c *string, names map[string]string, values Item) (operation, error) {
	o, err := d.prepared(name, item, false, c, names, values)
	if err != nil {
		return o, err
	}
	next, err := o.table.normalize(item)
	o.next = func(Item) (Item, error) { return next, nil }
	return o, err
}

func (d *Database) prepareUpdate(name *string, key Item, u, c *string, names map[string]string, values Item) (operation, error) {
	update := parseUpdate(u)
	if update.err != nil {
		return operation{}, update.err
	}
	o, err := d.prepared(name, key, true, c, names, values, update.uses)
	if err != nil {
		return o, err
	}
	o.next = func(before Item) (Item, error) { return update.apply(o.table, o.key, o.scope, before) }
	return o, update.check(o.table, o.scope)
}

func (d *Database) prepareDelete(name *string, key Item, c *string, names map[string]string, values Item) (operation, error) {
	o, err := d.prepared(name, key, true, c, names, values)
	o.next = func(Item) (Item, error) { return nil, nil }
	return o, err
}

// returning lets the operation return the item where the condition fails, if that is the wish.
func (o operation) returning(wish types.ReturnValuesOnConditionCheckFailure) operation {
	o.returnOld = wish == types.ReturnValuesOnConditionCheckFailureAllOld
	return o
}

// oldOnly is what a write returns that knows no other wish than the old item.
func oldOnly(wish types.ReturnValue, before Item) Item {
	if wish == types.ReturnValueAllOld {
		return before
	}
	return nil
}

// run makes the write if its condition holds.
func (d *Database) run(o operation) (before, after Item, err error) {
	before = o.table.item(o.key)
	if !o.condition.holds(o.scope, before) {
		failed := &types.ConditionalCheckFailedException{Message: aws.String("The conditional request failed")}
		if o.returnOld {
			failed.Item = before
		}
		return nil, nil, failed
	}
	if after, err = o.next(before); err != nil {
		return nil, nil, err
	}
	d.write(o.table, o.key, after, Local)
	return before, after, nil
}

// PutItem stores an item in place of what was there.
func (d *Database) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...option) (*dynamodb.PutItemOutput, error) {
	o, err := d.preparePut(in.TableName, in.Item, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	before, _, err := d.run(o.returning(in.ReturnValuesOnConditionCheckFailure))
	if err != nil {
		return nil, err
	}
	return &dynamodb.PutItemOutput{Attributes: oldOnly(in.ReturnValues, before)}, nil
}

// UpdateItem changes an item, and makes it where there is none.
func (d *Database) UpdateItem(_ context.Context, in *dynamodb.UpdateItemInput, _ ...option) (*dynamodb.UpdateItemOutput, error) {
	o, err := d.prepareUpdate(in.TableName, in.Key, in.UpdateExpression, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	before, after, err := d.run(o.returning(in.ReturnValuesOnConditionCheckFailure))
	if err != nil {
		return nil, err
	}
	out := &dynamodb.UpdateItemOutput{}
	switch in.ReturnValues {
	case types.ReturnValueAllOld:
		out.Attributes = before
	case types.ReturnValueAllNew:
		out.Attributes = after
	default: // none, and the parts that the service asks for nowhere
	}
	return out, nil
}

// DeleteItem removes an item; that there is none is no error.
func (d *Database) DeleteItem(_ context.Context, in *dynamodb.DeleteItemInput, _ ...option) (*dynamodb.DeleteItemOutput, error) {
	o, err := d.prepareDelete(in.TableName, in.Key, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	before, _, err := d.run(o.returning(in.ReturnValuesOnConditionCheckFailure))
	if err != nil {
		return nil, err
	}
	return &dynamodb.DeleteItemOutput{Attributes: oldOnly(in.ReturnValues, before)}, nil
}
