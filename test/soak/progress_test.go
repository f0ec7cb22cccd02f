package soak_test

import (
	"sync"
	"testing"
	"time"
)

// tellEvery is how often a run says what it waits for: some of that takes many minutes.
const tellEvery = 9 * time.Second

// progress is what a run is doing.
type progress struct {
	mu    sync.Mutex
	what  string
	began time.Time
}

func (p *progress) now(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.began = what, time.Now()
}

func (p *progress) doing() (what string, since time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.what, time.Since(p.began)
}

// tell says what is being done until the test ends.
func tell(t *testing.T) *progress {
	t.Helper()
	p := &progress{}
	ended := make(chan struct{})
	t.Cleanup(func() { <-ended })
	go func() {
		defer close(ended)
		ticker := time.NewTicker(tellEvery)
		defer ticker.Stop()
		for {
			select {
			case <-t.Context().Done():
				return
			case <-ticker.C:
				what, since := p.doing()
				t.Logf("%v: %s", since.Round(time.Second), what)
			}
		}
	}()
	return p
}
