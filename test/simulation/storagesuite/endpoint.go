package storagesuite

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/sensorflow/sensorflow/runtime/awsclient"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// Endpoint is an implementation that speaks DynamoDB's protocol: DynamoDB Local, another emulator, or AWS. All tables that it
// makes have names that nobody guesses, and Close deletes them. It is safe for concurrent use.
type Endpoint struct {
	// Prefix begins the names of its tables.
	Prefix string
	// Settle is how old the last write of a case is before a query may lag. 0 for an emulator, whose reads never lag.
	Settle time.Duration

	client  *dynamodb.Client
	streams *dynamodbstreams.Client

	mu     sync.Mutex
	tables map[string]*follower
	made   int
}

const (
	// callTimeout bounds one attempt of a call; one of them moves 16 MB.
	callTimeout = 30 * time.Second
	// connectionsMax is how many connections are kept open.
	connectionsMax = 32
	// patience is for what lags.
	patience = 30 * time.Second
	// createWithin bounds the making of a table.
	createWithin = 3 * time.Minute
	// dropWithin bounds the deletion of a table, which DynamoDB refuses while it still makes it.
	dropWithin = 2 * time.Minute
	dropPause  = 500 * time.Millisecond
)

// NewEndpoint returns the implementation that a configuration leads to.
func NewEndpoint(cfg aws.Config) *Endpoint {
	client := awsclient.HTTP(connectionsMax).WithTimeout(callTimeout)
	return &Endpoint{
		Prefix:  "sensorflow-conformance-" + strings.ToLower(rand.Text()) + "-",
		client:  dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.HTTPClient = client }),
		streams: dynamodbstreams.NewFromConfig(cfg, func(o *dynamodbstreams.Options) { o.HTTPClient = client }),
		tables:  map[string]*follower{},
	}
}

// Ask asks once for a table that is not there, and returns nil where the answer says so.
func (e *Endpoint) Ask(ctx context.Context) error {
	_, err := e.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(e.Prefix + "none")}, func(o *dynamodb.Options) {
		o.Retryer = aws.NopRetryer{}
	})
	if errors.As(err, new(*types.ResourceNotFoundException)) {
		return nil
	}
	if err == nil {
		return errors.New("a table is there that nobody has made")
	}
	return err
}

// Describe returns who answers: it makes a table, whose ARN tells the account and the region, and deletes it.
func (e *Endpoint) Describe(ctx context.Context) (arn string, err error) {
	name, err := e.create(ctx, contract.RevocationsTable())
	if err != nil {
		return "", err
	}
	out, err := e.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err == nil {
		arn = aws.ToString(out.Table.TableArn)
	}
	return arn, cmp.Or(err, e.drop(ctx, name))
}

// Storage returns the implementation with what the suite needs, and what deletes the tables that were made for it.
func (e *Endpoint) Storage() (s Storage, drop func(context.Context) error) {
	var mu sync.Mutex
	var mine []string
	s = Storage{
		Client: &settling{Client: e.client, settle: e.Settle}, Concurrent: true, Patience: patience,
		Create: func(t T, definition contract.Table) string {
			t.Helper()
			name, err := e.create(t.Context(), definition)
			mu.Lock()
			mine = append(mine, name)
			mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			return name
		},
		Records: func(t T, table string) []Record {
			t.Helper()
			records, err := e.records(t.Context(), table)
			if err != nil {
				t.Fatalf("read the stream: %v", err)
			}
			return records
		},
		From:     e.from,
		Settings: e.settings,
	}
	return s, func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		var failed []error
		for _, name := range mine {
			failed = append(failed, e.drop(ctx, name))
		}
		return errors.Join(failed...)
	}
}

// create makes a table and returns once it is active. Its name is known to Close before the call is made, and the call is not cut off
// when ctx ends: a table that appears after its deletion was tried would stay.
func (e *Endpoint) create(ctx context.Context, definition contract.Table) (name string, err error) {
	e.mu.Lock()
	e.made++
	name = fmt.Sprintf("%s%s-%d", e.Prefix, definition.Name, e.made)
	e.tables[name] = &follower{iterators: map[string]*string{}}
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createWithin)
	defer cancel()
	return name, dynamolocal.CreateTable(ctx, e.client, name, definition)
}

// Close deletes every table that is left. The error names those that stay.
func (e *Endpoint) Close(ctx context.Context) error {
	e.mu.Lock()
	var names []string
	for name := range e.tables {
		names = append(names, name)
	}
	e.mu.Unlock()
	var failed []error
	for _, name := range names {
		failed = append(failed, e.drop(ctx, name))
	}
	return errors.Join(failed...)
}

// drop deletes a table, however often it takes: one that is still being made, or changed, cannot be deleted yet.
func (e *Endpoint) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, dropWithin)
	defer cancel()
	for {
		_, err := e.client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name})
		var busy *types.ResourceInUseException
		if errors.As(err, &busy) && pacing.Sleep(ctx, dropPause) == nil {
			continue
		}
		if err != nil && !errors.As(err, new(*types.ResourceNotFoundException)) {
			return fmt.Errorf("table %s stays: %w", name, err)
		}
		e.mu.Lock()
		delete(e.tables, name)
		e.mu.Unlock()
		return nil
	}
}

func (e *Endpoint) settings(t T, table string) (s Settings) {
	t.Helper()
	out, err := e.client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	if stream := out.Table.StreamSpecification; stream != nil && aws.ToBool(stream.StreamEnabled) {
		s.Images = string(stream.StreamViewType)
	}
	expiry, err := e.client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	d := expiry.TimeToLiveDescription
	if d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling { // which takes up to an hour
		s.TimeToLive = aws.ToString(d.AttributeName)
	}
	return s
}
