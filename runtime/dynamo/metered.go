package dynamo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// Metered is a client whose reads together keep to a rate: each one waits until those before it are paid for. What a call has
// cost is known only afterwards, so that a page of a megabyte passes at once and the next call waits the longer. It is safe for
// concurrent use.
type Metered struct {
	finderClient
	perSecond float64
	now       func() time.Time
	sleep     func(context.Context, time.Duration) error

	mu   sync.Mutex
	paid time.Time // when all that was read is paid for
	used float64
}

// NewMetered returns a client that reads at most so many units a second, above 0: one is a consistent read of up to 4 KB.
func NewMetered(client *dynamodb.Client, unitsPerSecond int) *Metered {
	return &Metered{finderClient: client, perSecond: float64(unitsPerSecond), now: time.Now, sleep: pacing.Sleep}
}

// Used returns how many units were read.
func (m *Metered) Used() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

// BatchGetItem is the client's.
func (m *Metered) BatchGetItem(
	ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options),
) (*dynamodb.BatchGetItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	out, err := m.finderClient.BatchGetItem(ctx, in, o...)
	if err == nil {
		for _, c := range out.ConsumedCapacity {
			m.pay(&c)
		}
	}
	return out, err
}

// Query is the client's.
func (m *Metered) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	out, err := m.finderClient.Query(ctx, in, o...)
	if err == nil {
		m.pay(out.ConsumedCapacity)
	}
	return out, err
}

// Scan is the client's.
func (m *Metered) Scan(ctx context.Context, in *dynamodb.ScanInput, o ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	out, err := m.finderClient.Scan(ctx, in, o...)
	if err == nil {
		m.pay(out.ConsumedCapacity)
	}
	return out, err
}

// wait returns once everything read so far is paid for.
func (m *Metered) wait(ctx context.Context) error {
	for {
		m.mu.Lock()
		left := m.paid.Sub(m.now())
		m.mu.Unlock()
		if left <= 0 {
			return nil
		}
		if err := m.sleep(ctx, left); err != nil {
			return fmt.Errorf("wait for the bound on reads: %w", err)
		}
	}
}

func (m *Metered) pay(c *types.ConsumedCapacity) {
	if c == nil {
		return
	}
	units := aws.ToFloat64(c.CapacityUnits)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used += units
	if now := m.now(); m.paid.Before(now) {
		m.paid = now
	}
	m.paid = m.paid.Add(time.Duration(units / m.perSecond * float64(time.Second)))
}
