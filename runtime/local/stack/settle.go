package stack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// streamWatch is the stream's client, and remembers when the poller last began to look and found nothing.
type streamWatch struct {
	*dynamodbstreams.Client
	arn string

	mu      sync.Mutex
	empty   time.Time
	changed chan struct{} // closed, and made anew, when empty is set
}

func newStreamWatch(client *dynamodbstreams.Client, arn string) *streamWatch {
	return &streamWatch{Client: client, arn: arn, changed: make(chan struct{})}
}

// GetRecords is the client's. A shard's poller processes what it got before it asks again.
func (w *streamWatch) GetRecords(ctx context.Context, in *dynamodbstreams.GetRecordsInput, o ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	began := time.Now()
	out, err := w.Client.GetRecords(ctx, in, o...)
	if err == nil && len(out.Records) == 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.empty = began
		close(w.changed)
		w.changed = make(chan struct{})
	}
	return out, err
}

func (w *streamWatch) last() (time.Time, chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.empty, w.changed
}

// StreamIdle returns once the aggregator has taken in, or given up, every write made before the call. It knows of one shard,
// which is what a table of DynamoDB Local has.
func (s *Stack) StreamIdle(ctx context.Context) error {
	called := time.Now()
	for {
		empty, changed := s.stream.last()
		if empty.After(called) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the stream: %w", ctx.Err())
		}
	}
}

// Idle returns once no CSV is waiting or at work and the stream is idle. Messages that will come back count as waiting.
func (s *Stack) Idle(ctx context.Context) error {
	const pause = 20 * time.Millisecond
	for s.Queue.Depth() != (sqslocal.Depth{}) {
		if err := pacing.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("wait for the queue: %w", err)
		}
	}
	return s.StreamIdle(ctx)
}
