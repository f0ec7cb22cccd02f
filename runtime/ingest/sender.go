package ingest

import "context"

type senderKey struct{}

// WithSender returns a context of a request of which gone tells whether its sender has left, at the moment that it is asked. The
// end of the context tells that too, but only once somebody has noticed it: by then a value that was sent after the leaving
// may be acknowledged, and this one must not come after it.
func WithSender(ctx context.Context, gone func() bool) context.Context {
	return context.WithValue(ctx, senderKey{}, gone)
}

// waits tells whether the sender of a request still waits for its answer.
func waits(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	gone, known := ctx.Value(senderKey{}).(func() bool)
	return !known || !gone()
}
