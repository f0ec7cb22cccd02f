package simulation_test

import (
	"context"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/reading"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
)

// careless is a region's readings that are written without one of the safeguards of runtime/ingest.
type careless struct {
	ingest.Store
	c *client
}

func (s careless) Try(ctx context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	if s.c.w.without == tombstones {
		return s.delete(ctx, attempts)
	}
	outcomes := s.Store.Try(ctx, attempts)
	for i, o := range outcomes {
		switch {
		case s.c.w.without == unknownOutcomes && o.Result == ingest.Unknown:
			outcomes[i].Result = ingest.Busy
		case s.c.w.without == sameValue && o.Result == ingest.Refused && s.says(ctx, attempts[i]):
			outcomes[i] = ingest.Outcome{Result: ingest.Made}
		}
	}
	return outcomes
}

// says tells whether the table holds what the attempt wants, at whatever version.
func (s careless) says(ctx context.Context, a ingest.Attempt) bool {
	found, err := s.Look(ctx, []reading.Key{a.Key()})
	return err == nil && found[0].Exists && found[0].Deleted == a.Deleted && (a.Deleted || found[0].Value == a.Value)
}

// delete makes deletions remove their items for good.
func (s careless) delete(ctx context.Context, attempts []ingest.Attempt) []ingest.Outcome {
	if !attempts[0].Deleted {
		return s.Store.Try(ctx, attempts)
	}
	outcomes := make([]ingest.Outcome, len(attempts))
	for i, a := range attempts {
		key := keyItem(keyOfReading(a.Reading))
		if _, err := s.c.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: name(readingsTable), Key: key}); err != nil {
			outcomes[i] = ingest.Outcome{Result: ingest.Unknown, Err: errBusy}
			continue
		}
		outcomes[i].Result = ingest.Made
	}
	return outcomes
}

// assigned finds the attributes that a statement gives a parameter each, in the order of the parameters.
var assigned = regexp.MustCompile(`["'](\w+)["'](?: =|:) \?`)

// put runs the statements of a batch as puts without any condition.
func (c *client) put(ctx context.Context, in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
	out := &dynamodb.BatchExecuteStatementOutput{}
	for _, s := range in.Statements {
		item := dynamodel.Item{}
		for i, found := range assigned.FindAllStringSubmatch(*s.Statement, -1) {
			item[found[1]] = s.Parameters[i]
		}
		if _, err := c.db().PutItem(ctx, &dynamodb.PutItemInput{TableName: name(readingsTable), Item: item}); err != nil {
			return nil, err
		}
		out.Responses = append(out.Responses, types.BatchStatementResponse{})
	}
	return out, nil
}

// half leaves out of the updates of a batch what they remove.
func half(in *dynamodb.BatchExecuteStatementInput) *dynamodb.BatchExecuteStatementInput {
	out := *in
	out.Statements = nil
	for _, s := range in.Statements {
		if !strings.Contains(*s.Statement, ` REMOVE "`+contract.AttrValue+`"`) { // not a deletion
			if set, rest, found := strings.Cut(*s.Statement, " REMOVE "); found {
				_, where, _ := strings.Cut(rest, " WHERE ")
				text := set + " WHERE " + where
				s.Statement = &text
			}
		}
		out.Statements = append(out.Statements, s)
	}
	return &out
}
