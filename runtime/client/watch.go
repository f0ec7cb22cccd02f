package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"
)

// errStalled is why a call was given up.
var errStalled = errors.New("nothing moved")

// watch ends a call in which nothing has moved for a while.
type watch struct {
	within time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
	// cause tells why the call has ended, nil while it goes on.
	cause func() error
}

// watched returns a context that ends once nothing has moved for as long as within. Where nobody says that something moves, that is
// a deadline.
func watched(ctx context.Context, within time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{within: within, cancel: cancel}
	w.timer = time.AfterFunc(within, func() { cancel(fmt.Errorf("%w for %v", errStalled, within)) })
	w.cause = func() error { return context.Cause(ctx) }
	return ctx, w
}

// moved says that something moves.
func (w *watch) moved() { w.timer.Reset(w.within) }

// explain returns why the call was given up in place of an error that says that it was, and leaves out its address: that of a bucket
// holds a signature.
func (w *watch) explain(err error) error {
	var addressed *url.Error
	if errors.As(err, &addressed) {
		err = addressed.Err
	}
	if cause := w.cause(); cause != nil && errors.Is(err, context.Canceled) {
		return cause
	}
	return err
}

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// movingReader says that something moves as often as it does.
type movingReader struct {
	from  io.Reader
	watch *watch
}

// Read implements io.Reader.
func (m *movingReader) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	if n > 0 {
		m.watch.moved()
	}
	return n, err
}
