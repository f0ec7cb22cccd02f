package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// readyTimeout bounds all checks together. Route 53 waits for an answer for 2 s after it has connected.
	readyTimeout = time.Second
	// readyReuse is how long one result serves further questions, so that they cannot load the dependencies.
	readyReuse = time.Second
)

// Check is one condition of readiness.
type Check struct {
	// Part is what the check belongs to. It is shown to clients and must not tell more than what kind of thing it is.
	Part string
	// Needed tells that readings and aggregates cannot be served without it.
	Needed bool
	// Run makes a call as requests make them. It must end when its context does.
	Run func(ctx context.Context) error
}

// The verdicts on the service and on each part, from good to bad.
const (
	statusReady    = "ready"
	statusDegraded = "degraded" // readings and aggregates are served, something else is not
	statusUnready  = "unready"
)

// partShutdown stands among the parts once shutdown has begun.
const partShutdown = "shutdown"

type statusAnswer struct {
	Status string `json:"status"`
}

// readyAnswer is how the service is and how each part is.
type readyAnswer struct {
	Status string            `json:"status"`
	Parts  map[string]string `json:"parts"`
}

// readiness remembers the last result of the checks.
type readiness struct {
	mu      sync.Mutex
	checked time.Time
	answer  readyAnswer
}

// getRoot answers a plain greeting for whoever tries the address, and shows a browser where to go.
func (s *Server) getRoot(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	if wants(r, "text/html", "text/plain") {
		return s.documents.root.serve(w, r)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok")) // a client that has left has no use for the error
	return nil
}

// getHealth tells that the process lives. It does not look at the tables: while they cannot be reached, it does not help to
// take requests away from the tasks, or to replace them.
func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, http.StatusOK, statusAnswer{"ok"})
}

// getReady tells whether this region can serve.
func (s *Server) getReady(w http.ResponseWriter, r *http.Request) error {
	got := s.checkReadiness(r.Context())
	if s.draining.Load() {
		got.Status, got.Parts = statusUnready, maps.Clone(got.Parts) // others share it
		got.Parts[partShutdown] = statusUnready
		return s.unready(w, r, got, "The service is shutting down here.")
	}
	if got.Status != statusUnready {
		return answer(w, http.StatusOK, got)
	}
	var failing []string
	for part, verdict := range got.Parts {
		if verdict == statusUnready {
			failing = append(failing, part)
		}
	}
	slices.Sort(failing)
	return s.unready(w, r, got, "Not reachable from here: "+strings.Join(failing, ", ")+".")
}

// unreadyBody is a problem whose status is the verdict, as the API contract has it. RFC 9457 has those who read problems in
// general ignore a member of another type than theirs.
type unreadyBody struct {
	Type      string            `json:"type"`
	Title     string            `json:"title"`
	Status    string            `json:"status"`
	Parts     map[string]string `json:"parts"`
	Detail    string            `json:"detail"`
	Message   string            `json:"message"`
	RequestID string            `json:"requestId"`
}

func (s *Server) unready(w http.ResponseWriter, r *http.Request, how readyAnswer, message string) error {
	e := exchangeOf(r.Context())
	e.problem = &problem{kind: problemUnavailable, message: message}
	body, err := json.Marshal(unreadyBody{
		e.problem.kind.uri(), e.problem.kind.title, how.Status, how.Parts, message, message, e.id,
	})
	if err != nil {
		return fmt.Errorf("encode the verdict: %w", err)
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfterDefault.Seconds())))
	send(w, http.StatusServiceUnavailable, mediaProblem, body)
	return nil
}

// checkReadiness runs all checks side by side, or returns the last result while it is fresh. Whoever asks meanwhile waits for
// the same run.
func (s *Server) checkReadiness(ctx context.Context) readyAnswer {
	c := &s.readiness
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.checked.IsZero() && s.Now().Sub(c.checked) < readyReuse {
		return c.answer
	}
	// Others wait for this result too, so it must not fail when the first client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	results := make([]error, len(s.Checks))
	var group errgroup.Group
	for i, check := range s.Checks {
		group.Go(func() error {
			if err := check.Run(ctx); err != nil {
				results[i] = fmt.Errorf("%s: %w", check.Part, err)
			}
			return nil
		})
	}
	_ = group.Wait() // every check leaves its error in results
	got := verdicts(s.Checks, results)
	if cause := errors.Join(results...); got.Status != cmp.Or(c.answer.Status, statusReady) {
		level := slog.LevelWarn
		if cause == nil {
			level = slog.LevelInfo
		}
		s.Logger.LogAttrs(ctx, level, "readiness changed", slog.String("status", got.Status), slog.Any("parts", got.Parts), slog.Any("error", cause))
	}
	c.checked, c.answer = s.Now(), got
	return got
}

// verdicts judges the whole and each part. A part without a failure that matters for readings and aggregates is degraded
// while some of it works.
func verdicts(checks []Check, results []error) readyAnswer {
	out := readyAnswer{Status: statusReady, Parts: map[string]string{}}
	working := map[string]bool{}
	for i, check := range checks {
		working[check.Part] = working[check.Part] || results[i] == nil
		out.Parts[check.Part] = statusReady
	}
	for i, check := range checks {
		switch {
		case results[i] == nil:
		case check.Needed:
			out.Parts[check.Part], out.Status = statusUnready, statusUnready
		default:
			out.Status = worse(out.Status, statusDegraded)
			verdict := statusDegraded
			if !working[check.Part] {
				verdict = statusUnready
			}
			out.Parts[check.Part] = worse(out.Parts[check.Part], verdict)
		}
	}
	return out
}

// worse returns the worse of two verdicts.
func worse(a, b string) string {
	order := []string{statusReady, statusDegraded, statusUnready}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}
