package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// announcePart is the share of the drain timeout during which the server goes on taking requests although it is no longer
// ready, so that load balancers can learn of it before connections are refused.
const announcePart = 10

// service is a server with what must happen before and after it stops taking requests.
type service struct {
	server       *http.Server
	drainTimeout time.Duration
	// begin makes the readiness check fail.
	begin func()
	// finish waits for the work that requests have left behind.
	finish func(context.Context) error
	log    *slog.Logger
}

// serve answers requests until ctx ends, then drains, and returns nil when every request got its answer. A server that
// fails ends it as well.
func (s *service) serve(ctx context.Context, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.server.Serve(listener) }()
	s.log.InfoContext(ctx, "listening", "address", listener.Addr().String())

	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	began := time.Now()
	// ctx has ended. The drain has a deadline of its own.
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drainTimeout)
	defer cancel()
	s.log.InfoContext(draining, "draining", "timeout_ms", s.drainTimeout.Milliseconds())
	s.begin()
	s.server.SetKeepAlivesEnabled(false)
	announce := time.NewTimer(s.drainTimeout / announcePart)
	defer announce.Stop()
	var early error
	select {
	case early = <-failed:
	case <-announce.C:
	}
	err := s.server.Shutdown(draining)
	if err != nil {
		err = errors.Join(fmt.Errorf("wait for requests in flight: %w", err), s.server.Close())
	}
	if early == nil {
		early = <-failed // Serve returns as soon as Shutdown has begun
	}
	if errors.Is(early, http.ErrServerClosed) {
		early = nil
	}
	if err := errors.Join(early, err, s.finish(draining)); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	s.log.InfoContext(draining, "drained", "took_ms", time.Since(began).Milliseconds())
	return nil
}
