package ingest

import "context"

// Sender is who has sent a request and waits for its answer.
type Sender interface {
	// Gone tells whether the sender has left, at the moment that it is asked.
	Gone() bool
}

// SenderKey is under which the context of a request has its Sender. The end of the context tells of the leaving too, but only once
// somebody has noticed it: by then a value that was sent after the leaving may be acknowledged, and this one must not come after it.
type SenderKey struct{}

// waits tells whether the sender of a request still waits for its answer.
func waits(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	sender, known := ctx.Value(SenderKey{}).(Sender)
	return !known || !sender.Gone()
}
