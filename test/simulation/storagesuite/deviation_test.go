package storagesuite_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/simulation/storagesuite"
	"github.com/sensorflow/sensorflow/test/verdict"
)

type option = func(*dynamodb.Options)

// deviant is the model with calls replaced.
type deviant struct {
	storagesuite.Client
	put      func(*dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error)
	update   func(*dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error)
	remove   func(*dynamodb.DeleteItemInput) (*dynamodb.DeleteItemOutput, error)
	query    func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error)
	batch    func(*dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error)
	transact func(*dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error)
	gets     func(*dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error)
	scan     func(*dynamodb.ScanInput) (*dynamodb.ScanOutput, error)
}

func (d *deviant) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...option) (*dynamodb.BatchGetItemOutput, error) {
	if d.gets != nil {
		return d.gets(in)
	}
	return d.Client.BatchGetItem(ctx, in, o...)
}

func (d *deviant) Scan(ctx context.Context, in *dynamodb.ScanInput, o ...option) (*dynamodb.ScanOutput, error) {
	if d.scan != nil {
		return d.scan(in)
	}
	return d.Client.Scan(ctx, in, o...)
}

func (d *deviant) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...option) (*dynamodb.PutItemOutput, error) {
	if d.put != nil {
		return d.put(in)
	}
	return d.Client.PutItem(ctx, in, o...)
}

func (d *deviant) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...option) (*dynamodb.UpdateItemOutput, error) {
	if d.update != nil {
		return d.update(in)
	}
	return d.Client.UpdateItem(ctx, in, o...)
}

func (d *deviant) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...option) (*dynamodb.DeleteItemOutput, error) {
	if d.remove != nil {
		return d.remove(in)
	}
	return d.Client.DeleteItem(ctx, in, o...)
}

func (d *deviant) Query(ctx context.Context, in *dynamodb.QueryInput, o ...option) (*dynamodb.QueryOutput, error) {
	if d.query != nil {
		return d.query(in)
	}
	return d.Client.Query(ctx, in, o...)
}

func (d *deviant) BatchExecuteStatement(ctx context.Context, in *dynamodb.BatchExecuteStatementInput, o ...option) (*dynamodb.BatchExecuteStatementOutput, error) {
	if d.batch != nil {
		return d.batch(in)
	}
	return d.Client.BatchExecuteStatement(ctx, in, o...)
}

func (d *deviant) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...option) (*dynamodb.TransactWriteItemsOutput, error) {
	if d.transact != nil {
		return d.transact(in)
	}
	return d.Client.TransactWriteItems(ctx, in, o...)
}

// deviating returns the model with a deviation; without a name it has none.
func deviating(name string) storagesuite.Storage {
	s := storagesuite.Model()
	if deviate := deviations()[name]; deviate != nil {
		d := &deviant{Client: s.Client}
		deviate(s.Client, d, &s)
		s.Client = d
	}
	return s
}

// deviation makes d, which stands before the model, or the stream of s behave as DynamoDB does not.
type deviation = func(m storagesuite.Client, d *deviant, s *storagesuite.Storage)

// deviations are what the suite must find.
func deviations() map[string]deviation {
	all := map[string]deviation{}
	maps.Copy(all, deviationsOfItems())
	maps.Copy(all, deviationsOfBatches())
	maps.Copy(all, deviationsOfTransactions())
	maps.Copy(all, deviationsOfReads())
	maps.Copy(all, deviationsOfScans())
	maps.Copy(all, deviationsOfStreams())
	maps.Copy(all, deviationsOfTables())
	return all
}

func deviationsOfItems() map[string]deviation {
	ctx := context.Background()
	return map[string]deviation{
		"an identical put is a change": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.put = func(in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
				out, err := m.PutItem(ctx, in)
				if err == nil {
					again := *in
					again.ConditionExpression, again.ExpressionAttributeValues, again.Item = nil, nil, maps.Clone(in.Item)
					again.Item["extra"] = &types.AttributeValueMemberBOOL{Value: true}
					_, _ = m.PutItem(ctx, &again)
					again.Item = in.Item
					_, _ = m.PutItem(ctx, &again)
				}
				return out, err
			}
		},
		"the deletion of nothing is a change": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.remove = func(in *dynamodb.DeleteItemInput) (*dynamodb.DeleteItemOutput, error) {
				if in.ConditionExpression == nil && len(in.Key) == 2 {
					_, _ = m.PutItem(ctx, &dynamodb.PutItemInput{TableName: in.TableName, Item: in.Key, ConditionExpression: aws.String("attribute_not_exists(equipmentId)")})
				}
				return m.DeleteItem(ctx, in)
			}
		},
		"conditions of puts are not looked at": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.put = func(in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
				free := *in
				free.ConditionExpression, free.ExpressionAttributeNames, free.ExpressionAttributeValues = nil, nil, nil
				return m.PutItem(ctx, &free)
			}
		},
		"a failed condition keeps the old item to itself": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.update = func(in *dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
				silent := *in
				silent.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureNone
				return m.UpdateItem(ctx, &silent)
			}
		},
		"an update makes no item": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.update = func(in *dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
				got, err := m.GetItem(ctx, &dynamodb.GetItemInput{TableName: in.TableName, Key: in.Key})
				if err == nil && len(got.Item) == 0 {
					return &dynamodb.UpdateItemOutput{}, nil
				}
				return m.UpdateItem(ctx, in)
			}
		},
		"numbers are floating-point": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.put = func(in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
				rounded := *in
				rounded.Item = maps.Clone(in.Item)
				for name, value := range rounded.Item {
					if n, is := value.(*types.AttributeValueMemberN); is {
						if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
							rounded.Item[name] = &types.AttributeValueMemberN{Value: strconv.FormatFloat(f, 'g', -1, 64)}
						}
					}
				}
				return m.PutItem(ctx, &rounded)
			}
		},
	}
}

func deviationsOfBatches() map[string]deviation {
	ctx := context.Background()
	// each makes d run changed statements one at a time.
	each := func(m storagesuite.Client, d *deviant, change func(one *types.BatchStatementRequest)) {
		d.batch = func(in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
			changed := &dynamodb.BatchExecuteStatementInput{Statements: slices.Clone(in.Statements)}
			for i := range changed.Statements {
				change(&changed.Statements[i])
			}
			return m.BatchExecuteStatement(ctx, changed)
		}
	}
	replace := func(one *types.BatchStatementRequest, old, with string) {
		one.Statement = aws.String(strings.ReplaceAll(*one.Statement, old, with))
	}
	return map[string]deviation{
		"a batch takes duplicates": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.batch = func(in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
				out, err := m.BatchExecuteStatement(ctx, in)
				if err == nil || !strings.Contains(err.Error(), "duplicates") {
					return out, err
				}
				return &dynamodb.BatchExecuteStatementOutput{Responses: make([]types.BatchStatementResponse, len(in.Statements))}, nil
			}
		},
		"a batch takes any number of statements": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.batch = func(in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
				whole := &dynamodb.BatchExecuteStatementOutput{}
				for part := range slices.Chunk(in.Statements, contract.BatchStatementsMax) {
					out, err := m.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: part})
					if err != nil {
						return nil, err
					}
					whole.Responses = append(whole.Responses, out.Responses...)
				}
				return whole, nil
			}
		},
		"a batch loses its last statement": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.batch = func(in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
				if n := len(in.Statements); n > 1 {
					in = &dynamodb.BatchExecuteStatementInput{Statements: in.Statements[:n-1]}
				}
				return m.BatchExecuteStatement(ctx, in)
			}
		},
		"one refused statement refuses the batch": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.batch = func(in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
				out, err := m.BatchExecuteStatement(ctx, in)
				if err != nil || !slices.ContainsFunc(out.Responses, func(r types.BatchStatementResponse) bool { return r.Error != nil }) {
					return out, err
				}
				for i := range out.Responses {
					out.Responses[i].Error = &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumConditionalCheckFailed}
				}
				return out, nil
			}
		},
		"an insertion replaces": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.batch = func(in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
				out, err := m.BatchExecuteStatement(ctx, in)
				if err != nil {
					return nil, err
				}
				for i := range out.Responses {
					if e := out.Responses[i].Error; e != nil && e.Code == types.BatchStatementErrorCodeEnumDuplicateItem {
						out.Responses[i].Error = nil
					}
				}
				return out, nil
			}
		},
		"what is missing is not below": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			each(m, d, func(one *types.BatchStatementRequest) { replace(one, ` OR "v" IS MISSING`, "") })
		},
		"what is missing is all that is below": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			each(m, d, func(one *types.BatchStatementRequest) {
				if strings.HasPrefix(*one.Statement, "UPDATE") {
					replace(one, `"v" < ? OR "v" IS MISSING`, `"v" IS MISSING`)
					one.Parameters = one.Parameters[:len(one.Parameters)-1]
				}
			})
		},
		"an update removes nothing": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			each(m, d, func(one *types.BatchStatementRequest) {
				before, after, found := strings.Cut(*one.Statement, " REMOVE ")
				if _, condition, is := strings.Cut(after, " WHERE "); found && is {
					one.Statement = aws.String(before + " WHERE " + condition)
				}
			})
		},
		"a refusal tells no item": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			each(m, d, func(one *types.BatchStatementRequest) { one.ReturnValuesOnConditionCheckFailure = "" })
		},
		"a refusal tells the item unasked": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			each(m, d, func(one *types.BatchStatementRequest) {
				one.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
			})
		},
		"reads and writes mix": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.batch = func(in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
				out, err := m.BatchExecuteStatement(ctx, in)
				if err != nil && strings.Contains(err.Error(), "either read statements") {
					return &dynamodb.BatchExecuteStatementOutput{Responses: make([]types.BatchStatementResponse, len(in.Statements))}, nil
				}
				return out, err
			}
		},
		"a refusal tells another item": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.batch = func(in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
				out, err := m.BatchExecuteStatement(ctx, in)
				if err == nil {
					for _, r := range out.Responses {
						if r.Error != nil {
							r.Error.Item = map[string]types.AttributeValue{"v": &types.AttributeValueMemberS{Value: "9"}}
						}
					}
				}
				return out, err
			}
		},
	}
}

func deviationsOfTransactions() map[string]deviation {
	ctx := context.Background()
	return map[string]deviation{
		"a transaction is made in part": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.transact = func(in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
				out, err := m.TransactWriteItems(ctx, in)
				if _, reasons := reasonsOf(err); reasons {
					for _, item := range in.TransactItems {
						_, _ = m.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{item}})
					}
				}
				return out, err
			}
		},
		"a canceled transaction names the wrong item": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.transact = func(in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
				out, err := m.TransactWriteItems(ctx, in)
				if canceled, has := reasonsOf(err); has {
					slices.Reverse(canceled.CancellationReasons)
				}
				return out, err
			}
		},
		"a transaction takes 101 items": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.transact = func(in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
				if len(in.TransactItems) == contract.TransactionItemsMax+1 {
					return &dynamodb.TransactWriteItemsOutput{}, nil
				}
				return m.TransactWriteItems(ctx, in)
			}
		},
		"marks of slices are not looked at": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.transact = func(in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
				changed := &dynamodb.TransactWriteItemsInput{ClientRequestToken: in.ClientRequestToken, TransactItems: slices.Clone(in.TransactItems)}
				for i, item := range changed.TransactItems {
					if item.Update != nil && item.Update.ConditionExpression != nil {
						update := *item.Update
						update.ConditionExpression = aws.String(strings.ReplaceAll(*update.ConditionExpression, "NOT contains", "attribute_exists(equipmentId) OR NOT contains"))
						changed.TransactItems[i].Update = &update
					}
				}
				return m.TransactWriteItems(ctx, changed)
			}
		},
		"a transaction refuses as a whole what it cannot write": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.transact = func(in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
				out, err := m.TransactWriteItems(ctx, in)
				if canceled, has := reasonsOf(err); has && strings.Contains(canceled.ErrorMessage(), "ValidationError") {
					return nil, &smithy.GenericAPIError{Code: "ValidationException", Message: "some item cannot be written"}
				}
				return out, err
			}
		},
		"tokens are forgotten": func(m storagesuite.Client, d *deviant, _ *storagesuite.Storage) {
			d.transact = func(in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
				return m.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: in.TransactItems})
			}
		},
	}
}

func reasonsOf(err error) (canceled *types.TransactionCanceledException, has bool) {
	has = errors.As(err, &canceled)
	return canceled, has
}

// TestSuite_FindsEachDeviation runs the suite over the model with each deviation, up to the first case that finds it.
func TestSuite_FindsEachDeviation(t *testing.T) {
	for name := range deviations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range storagesuite.Cases() {
				result := c.Try(t.Context(), deviating(name))
				if finding := strings.Join(result.Findings, " "); strings.Contains(finding, "panicked") {
					t.Error(finding)
				}
				if result.Verdict == verdict.Differs {
					t.Logf("found: %s: %q", c.Name, result.Findings)
					return
				}
			}
			t.Error("nothing found it")
		})
	}
}
