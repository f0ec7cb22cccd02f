package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// process invokes the function until every record was processed or given up. It returns an error only when ctx ends or the
// failure destination refuses.
//
// As in Lambda with ReportBatchItemFailures and BisectBatchOnFunctionError: of the items reported the first one is the
// checkpoint, and everything from there on is repeated; a batch that fails as a whole is halved, which is not counted as an
// attempt; what cannot be halved, or makes no progress, is given up after RetryAttempts repetitions.
func (l *lane) process(ctx context.Context, records []json.RawMessage) error {
	late, cancel := withGrace(ctx, shutdownGrace)
	defer cancel()
	pause, attempts := l.PollInterval, 0
	for len(records) > 0 {
		done, err := l.invoke(late, records)
		switch {
		case done == len(records):
			return nil
		case done > 0:
			records, attempts, pause = records[done:], 0, l.PollInterval
		case isOwn(err) && len(records) > 1:
			l.Log.Warn("the function failed a batch; halving it", "shard", l.shard, "records", len(records), "error", err)
			return l.halve(ctx, records)
		case err == nil:
			err = fmt.Errorf("the function reports record %s as failed", sequenceOf(records[0]))
			attempts++
		case isOwn(err):
			attempts++
		}
		if attempts > l.RetryAttempts {
			return l.giveUp(late, records, attempts, err)
		}
		if err != nil {
			l.Log.Warn("stream records were not processed; trying again", "shard", l.shard, "records", len(records), "attempt", attempts, "error", err)
		}
		if err := l.rest(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, backoffMax)
	}
	return nil
}

func (l *lane) rest(ctx context.Context, pause time.Duration) error {
	if err := pacing.Sleep(ctx, pause); err != nil {
		return fmt.Errorf("process records of shard %s: %w", l.shard, err)
	}
	return nil
}

func (l *lane) halve(ctx context.Context, records []json.RawMessage) error {
	if err := l.rest(ctx, l.PollInterval); err != nil {
		return err
	}
	middle := len(records) / 2
	if err := l.process(ctx, records[:middle]); err != nil {
		return err
	}
	return l.process(ctx, records[middle:])
}

// isOwn tells whether the function itself failed: what kept it from running is never a reason to give records up.
func isOwn(err error) bool {
	return errors.As(err, new(*lambdalocal.FunctionError)) || errors.Is(err, errWholeBatch)
}

// invoke returns how many records were processed before the first one that was reported as failed; with an error, none.
func (l *lane) invoke(ctx context.Context, records []json.RawMessage) (done int, err error) {
	payload, err := event(records)
	if err != nil {
		return 0, err
	}
	answer, err := l.Function.Invoke(ctx, payload)
	if err != nil {
		return 0, err
	}
	known := map[string]bool{}
	for _, record := range records {
		known[sequenceOf(record)] = true
	}
	failed, err := failedItems(answer, func(id string) bool { return known[id] })
	if err != nil {
		return 0, err
	}
	for i, record := range records {
		if failed[sequenceOf(record)] {
			return i, nil
		}
	}
	return len(records), nil
}

func (l *lane) giveUp(ctx context.Context, records []json.RawMessage, attempts int, cause error) error {
	err := l.OnFailure(ctx, Failure{StreamARN: l.StreamARN, ShardID: l.shard, Records: records, Attempts: attempts, Err: cause})
	if err != nil {
		return fmt.Errorf("send %d records of shard %s to the failure destination: %w", len(records), l.shard, err)
	}
	return nil
}
