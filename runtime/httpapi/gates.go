package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/sensorflow/sensorflow/runtime/admission"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/memory"
)

// gates are what requests wait at or are refused at. Each kind has its own, so that none takes the room of another: files may
// take minutes and batches come in bursts, and single readings and queries go on meanwhile.
type gates struct {
	// singles, batches and files are memory for what comes in, reads is memory for answers; all in bytes.
	singles, batches, files, reads *admission.Gate
	// writers admits batches to the table, in calls.
	writers *admission.Gate
}

const (
	// writersMax lets two of the largest batches write at the same time, so that one begins as the one before ends, or many
	// small ones; a batch counts as writerCallsMax at most. With all at once, each would take as long as all together, and
	// when that is longer than clients wait, everything is written and nothing acknowledged.
	writersMax     = 2 * writerCallsMax
	writerCallsMax = 32
	// writersWaiting and readsWaiting bound the queues; the memory that is set aside bounds them too.
	writersWaiting = 1000
	readsWaiting   = 1000
	// writeQueueTimeout and readQueueTimeout bound how long a request waits for its turn, before its work begins.
	writeQueueTimeout = 20 * time.Second
	readQueueTimeout  = 3 * time.Second
	// answerBytes is what an answer holds beside its items: a part of it as text, and compressed.
	answerBytes = 96 << 10
)

func newGates(plan memory.Plan) gates {
	return gates{
		singles: admission.NewGate(plan.Singles, 0), batches: admission.NewGate(plan.Batches, 0), files: admission.NewGate(plan.Files, 0),
		reads:   admission.NewGate(plan.Reads, readsWaiting),
		writers: admission.NewGate(writersMax, writersWaiting).UsingIdle(),
	}
}

// admitBatch waits until so many readings of a request may be written, and returns what gives the turn back.
func (g gates) admitBatch(ctx context.Context, r *http.Request, readings int) (leave func(), err error) {
	calls := min((readings+contract.BatchStatementsMax-1)/contract.BatchStatementsMax, writerCallsMax)
	hold, err := enter(ctx, r, g.writers, int64(calls), writeQueueTimeout)
	if err != nil {
		return nil, err
	}
	return hold.Leave, nil
}

// admitRead waits until an answer of at most so many items, of bytesEach, may be made.
func (g gates) admitRead(r *http.Request, items, bytesEach int) (*admission.Hold, error) {
	return enter(r.Context(), r, g.reads, answerBytes+int64(items)*int64(bytesEach), readQueueTimeout)
}

func enter(ctx context.Context, r *http.Request, gate *admission.Gate, n int64, timeout time.Duration) (*admission.Hold, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	hold, err := gate.Enter(ctx, admission.CallerOf(ctx), n)
	if err == nil {
		return hold, nil
	}
	if r.Context().Err() != nil {
		return nil, err
	}
	return nil, refused(err)
}
