package csvfile

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// files reads what is in the bucket.
type files struct{ bucket WorkBucket }

// fetcher reads one content of an object. A transfer that breaks off is taken up again where it broke: the SDK repeats calls,
// not the reading of their bodies.
func (f files) fetcher(ctx context.Context, key, etag string) fetcher {
	const transfersMax = 3
	return func(dst []byte, offset int64) error {
		var err error
		for range transfersMax {
			var n int
			n, err = f.transfer(ctx, key, etag, dst, offset)
			dst, offset = dst[n:], offset+int64(n)
			if len(dst) == 0 {
				return nil
			}
			if kind := fault.KindOf(err); kind == fault.Conflict || kind == fault.NotFound || ctx.Err() != nil {
				break
			}
		}
		return fmt.Errorf("read %s: %w", key, err)
	}
}

// transferTimeout bounds the transfer of one block: 70 KB/s are enough.
const transferTimeout = 30 * time.Second

func (f files) transfer(ctx context.Context, key, etag string, dst []byte, offset int64) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	body, err := f.bucket.Open(ctx, key, etag, offset, offset+int64(len(dst))-1)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	n, err = io.ReadFull(body, dst)
	return n, err
}
