package stack

import (
	"context"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

// sweepEvery is how often the parts of abandoned files are looked for.
const sweepEvery = time.Hour

// sweepParts deletes the parts of abandoned files until ctx ends, first those that were left before the start. A bucket on AWS has a rule
// for that.
func (s *Stack) sweepParts(ctx context.Context) {
	const within = time.Minute
	for {
		call, cancel := context.WithTimeout(ctx, within)
		err := s3local.SweepParts(call, s.s3Client(), s.Bucket, time.Now().Add(-contract.UploadPartsLifetime))
		cancel()
		if err != nil && ctx.Err() == nil {
			s.logger().Warn("the parts of abandoned files could not be deleted", "error", err)
		}
		if pacing.Sleep(ctx, sweepEvery) != nil {
			return
		}
	}
}
