package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// readyTimeout bounds all checks together; load balancers wait for 5 s.
	readyTimeout = 2 * time.Second
	// readyReuse is how long one result serves further questions, so that they cannot load the dependencies.
	readyReuse = time.Second
)

type statusAnswer struct {
	Status string `json:"status"`
}

// readiness remembers the last result of the checks.
type readiness struct {
	mu      sync.Mutex
	checked time.Time
	failing []string
	cause   error
}

// getRoot answers a plain greeting for whoever tries the address.
func (s *Server) getRoot(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok")) // a client that has left has no use for the error
	return nil
}

// getHealth tells that the process lives.
func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, http.StatusOK, statusAnswer{"ok"})
}

// getReady tells whether this region can serve.
func (s *Server) getReady(w http.ResponseWriter, r *http.Request) error {
	if s.draining.Load() {
		return &problem{kind: problemUnavailable, message: "The service is shutting down here.", failing: []string{"shutdown"}}
	}
	failing, cause := s.readiness.check(r.Context(), s.Checks, s.Now)
	if len(failing) > 0 {
		return &problem{
			kind: problemUnavailable, message: "Not reachable from here: " + strings.Join(failing, ", ") + ".",
			failing: failing, cause: cause,
		}
	}
	return answer(w, http.StatusOK, statusAnswer{"ready"})
}

// check runs all checks side by side, or returns the last result while it is fresh. Whoever asks meanwhile waits for the
// same run.
func (c *readiness) check(ctx context.Context, checks []Check, now func() time.Time) (failing []string, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.checked.IsZero() && now().Sub(c.checked) < readyReuse {
		return c.failing, c.cause
	}
	// The result is for others too, so that the first one's leaving must not spoil it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	results := make([]error, len(checks))
	var group errgroup.Group
	for i, check := range checks {
		group.Go(func() error {
			results[i] = check.Run(ctx)
			return nil
		})
	}
	_ = group.Wait() // every check leaves its error in results
	c.failing = nil
	for i, err := range results {
		if err != nil {
			c.failing = append(c.failing, checks[i].Name)
		}
	}
	c.checked, c.cause = now(), errors.Join(results...)
	return c.failing, c.cause
}
