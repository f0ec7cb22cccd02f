package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/simulation/dynamodel"
	"github.com/sensorflow/sensorflow/test/standin"
)

// model is the tables beside that of readings, which have few items and are kept: the simulation's model of DynamoDB.
type model struct {
	mu       sync.Mutex
	database *dynamodel.Database
	writes   map[string]int64 // by table
}

func newModel() *model {
	m := &model{database: dynamodel.NewDatabase(standin.Region, time.Now), writes: map[string]int64{}}
	for _, t := range contract.Tables() {
		m.database.Create(standin.TableName(t), t)
	}
	m.database.OnWrite = func(w dynamodel.Write) { m.writes[w.Table]++ }
	return m
}

// call decodes a call for the model and answers with what it returns.
func (m *model) call(ctx context.Context, operation string, body []byte) answer {
	run, known := m.operations()[operation]
	if !known {
		return answer{http.StatusBadRequest, []byte(unknown)}
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var in any
	if err := decoder.Decode(&in); err != nil {
		return answer{http.StatusBadRequest, []byte(malformed)}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out, err := run(ctx, in)
	if err != nil {
		return refusal(err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return answer{http.StatusInternalServerError, []byte(failed)}
	}
	return answer{http.StatusOK, text}
}

// operations are the calls that the model knows.
func (m *model) operations() map[string]operation {
	d := m.database
	return map[string]operation{
		"GetItem": of(d.GetItem), "BatchGetItem": of(d.BatchGetItem), "Query": of(d.Query), "Scan": of(d.Scan),
		"PutItem": of(d.PutItem), "UpdateItem": of(d.UpdateItem), "DeleteItem": of(d.DeleteItem),
		"TransactWriteItems": of(d.TransactWriteItems),
	}
}

// operation makes a call of its decoded JSON and returns that of its answer.
type operation func(ctx context.Context, raw any) (any, error)

func of[I, O any](call func(context.Context, *I, ...func(*dynamodb.Options)) (*O, error)) operation {
	return func(ctx context.Context, raw any) (any, error) {
		in := new(I)
		if err := fromWire(raw, reflect.ValueOf(in).Elem()); err != nil {
			return nil, err
		}
		out, err := call(ctx, in)
		if err != nil {
			return nil, err
		}
		return toWire(reflect.ValueOf(out)), nil
	}
}

// refusal is an error of the model as DynamoDB sends it: with all that its type has.
func refusal(err error) answer {
	var known smithy.APIError
	if !errors.As(err, &known) {
		return answer{http.StatusBadRequest, []byte(malformed)}
	}
	fields, isObject := toWire(reflect.ValueOf(known)).(map[string]any)
	if !isObject {
		fields = map[string]any{}
	}
	fields["__type"], fields["message"] = "com.amazonaws.dynamodb.v20120810#"+known.ErrorCode(), known.ErrorMessage()
	text, err := json.Marshal(fields)
	if err != nil {
		return answer{http.StatusInternalServerError, []byte(failed)}
	}
	return answer{http.StatusBadRequest, text}
}
