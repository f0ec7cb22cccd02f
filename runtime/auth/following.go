package auth

import (
	"context"
	"sync"
	"sync/atomic"
)

// RefreshLogouts asks once for the tokens that were logged out lately. Until it has succeeded, and whenever it has not for
// 4.9 s, Authenticate refuses every token with an error of kind fault.Unavailable.
func (s *Service) RefreshLogouts(ctx context.Context) error { return s.revocations.refresh(ctx) }

// RereadLogouts reads one hour of the table of logouts whole, another one each time, for what was late. It is called by one
// goroutine at a time.
func (s *Service) RereadLogouts(ctx context.Context) error { return s.revocations.reread(ctx) }

// question asks for new logouts, and again soon where that fails, until it is time for the next question.
func (s *Service) question(ctx context.Context) error {
	for next := s.options.Now().Add(RevocationsEvery - questionAgain); ; {
		err := s.RefreshLogouts(ctx)
		if err == nil || !s.options.Now().Before(next) || s.options.Sleep(ctx, questionAgain) != nil {
			return err
		}
	}
}

// FollowLogouts asks every RevocationsEvery for new logouts, whether or not the questions before are answered: a table that
// takes seconds to answer is no reason to refuse everybody. Beside that it reads hour after hour again. It returns when ctx has
// ended and nothing of it is left.
func (s *Service) FollowLogouts(ctx context.Context) {
	var following sync.WaitGroup
	following.Go(func() {
		for s.options.Sleep(ctx, RevocationsEvery) == nil {
			_ = s.RereadLogouts(ctx) // the hour comes round again; whether the table answers at all, the questions below tell
		}
	})
	asking := make(chan struct{}, questionsMax)
	var failing atomic.Bool
	for ctx.Err() == nil {
		select {
		case asking <- struct{}{}:
			following.Go(func() {
				defer func() { <-asking }()
				err := s.question(ctx)
				switch {
				case err != nil && ctx.Err() == nil && !failing.Swap(true):
					s.options.Logger.WarnContext(ctx, "logouts cannot be followed", "error", err.Error())
				case err == nil && failing.Swap(false):
					s.options.Logger.InfoContext(ctx, "logouts are followed again")
				}
			})
		default: // enough of them wait
		}
		_ = s.options.Sleep(ctx, RevocationsEvery) // ctx is looked at above
	}
	following.Wait()
}

// LogoutsKnown returns nil while the list of logouts is up to date, which is what Authenticate needs.
func (s *Service) LogoutsKnown(context.Context) error {
	s.revocations.mu.RLock()
	defer s.revocations.mu.RUnlock()
	return s.revocations.upToDate()
}
