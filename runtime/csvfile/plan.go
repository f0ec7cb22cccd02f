package csvfile

import (
	"context"
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// planner is the first step: it looks at a file that has arrived and cuts it into ranges.
type planner struct {
	progress
	files
	queue      Queue
	rangeBytes int64
	retention  time.Duration
}

// plan looks at the file and plans it or ends the upload as failed. It returns the upload as it then is.
func (p planner) plan(ctx context.Context, u Upload) (Upload, error) {
	object, err := p.bucket.Stat(ctx, UploadKey(u.ID))
	if fault.KindOf(err) == fault.NotFound {
		return p.fail(ctx, u, reasonRemoved)
	}
	if err != nil {
		return Upload{}, fmt.Errorf("describe the file: %w", err)
	}
	announced := u.Bytes
	u.Bytes = object.Size // also of a file that was never announced, or fails below
	if announced > 0 && object.Size > 0 && announced != object.Size {
		// The bucket holds a signed length against what is sent; this tells where the bucket let something else in.
		return p.fail(ctx, u, fmt.Sprintf("the file has %d bytes, the upload address was made for %d", object.Size, announced))
	}
	plan, refusal, err := p.look(ctx, u, object)
	if err != nil {
		// Also where it was replaced since: nothing is planned yet, and the next attempt looks at the new content.
		return Upload{}, fmt.Errorf("look at the file: %w", err)
	}
	if refusal != "" {
		return p.fail(ctx, u, refusal)
	}
	begun, err := p.table.BeginUpload(ctx, u.ID, plan)
	if err != nil {
		return Upload{}, fmt.Errorf("record the plan: %w", err)
	}
	return begun, nil
}

// look makes the plan of what the file holds, or says in one sentence for the client why it cannot be taken.
func (p planner) look(ctx context.Context, u Upload, object Object) (plan Plan, refusal string, err error) {
	plan = Plan{ETag: object.ETag, Bytes: object.Size}
	var head []byte
	switch {
	case object.Size == 0:
	case isPacked(u.FileName):
		plan.Unpacked, head, refusal, err = p.unpacker(ctx, UploadKey(u.ID), object).survey()
	default:
		head = make([]byte, min(object.Size, headBytes))
		err = p.fetcher(ctx, UploadKey(u.ID), object.ETag)(head, 0)
	}
	if err != nil || refusal != "" {
		return Plan{}, refusal, err
	}
	plan.At = p.now().UTC()
	whole := int64(len(head)) == plan.text()
	if plan.Layout, refusal = readHead(head, whole, u.Format); refusal != "" {
		like := lookalike(head, whole, u.Format, reading.Limits{Now: plan.At, Retention: p.retention})
		return Plan{}, withHint(refusal, like.hint), nil
	}
	plan.Ranges = rangesOf(plan.text(), p.rangeBytes)
	return plan, "", nil
}

func rangesOf(bytes, rangeBytes int64) int { return int((bytes + rangeBytes - 1) / rangeBytes) }

// bounds returns the bytes [first, end) of a range of the plan.
func (p Plan) bounds(number int, rangeBytes int64) (first, end int64) {
	first = int64(number) * rangeBytes
	return first, min(first+rangeBytes, p.text())
}

// handOn leaves a packed file from a range on to a new invocation.
func (p planner) handOn(ctx context.Context, u Upload, number int) error {
	body, err := encodeRange(RangeID{u.ID, number})
	if err != nil {
		return err
	}
	return p.send(ctx, u, []string{body})
}

// shareOut sends a message for every range that is not done. Those that are being worked on are among them, which does no
// harm: whoever works on a range writes the same, and each is committed once.
func (p planner) shareOut(ctx context.Context, u Upload) error {
	done, err := p.table.RangeResults(ctx, u.ID)
	if err != nil {
		return fmt.Errorf("read the ranges of upload %s: %w", u.ID, err)
	}
	var bodies []string
	for n := range u.Plan.Ranges {
		if done[n].Done() {
			continue
		}
		body, err := encodeRange(RangeID{u.ID, n})
		if err != nil {
			return err
		}
		bodies = append(bodies, body)
	}
	return p.send(ctx, u, bodies)
}

func (p planner) send(ctx context.Context, u Upload, bodies []string) error {
	if len(bodies) == 0 {
		return nil // who committed the last one finishes the upload, or their message comes again
	}
	if err := p.queue.Send(ctx, bodies); err != nil {
		return fmt.Errorf("send the ranges of upload %s: %w", u.ID, err)
	}
	return nil
}
