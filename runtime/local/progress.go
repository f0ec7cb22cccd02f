package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// tellProgressEvery is how often it is told how far something is, also where nothing has changed.
const tellProgressEvery = 5 * time.Second

// progress tells how far something is: in one line of a terminal that is written over, and elsewhere in a line every few seconds.
type progress struct {
	out      printer
	terminal bool
	began    time.Time

	mu  sync.Mutex
	now string
}

func newProgress(out printer) *progress {
	return &progress{out: out, terminal: isTerminal(out), began: time.Now()}
}

// took is how long it goes on.
func (p *progress) took() time.Duration { return time.Since(p.began) }

// begin tells every few seconds how far it is, until end is called or ctx ends.
func (p *progress) begin(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() {
		tick := time.NewTicker(tellProgressEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				p.tell()
			}
		}
	})
	return func() {
		cancel()
		telling.Wait()
		p.clear()
	}
}

// set says how far it is now.
func (p *progress) set(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now = fmt.Sprintf(format, args...); p.terminal {
		p.out.printf("\r\033[K%s", p.now)
	}
}

// tell prints how far it is.
func (p *progress) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.now == "":
	case p.terminal:
		p.out.printf("\r\033[K%s (%.0f s)", p.now, p.took().Seconds())
	default:
		p.out.printf("%s (%.0f s)\n", p.now, p.took().Seconds())
	}
}

// say prints a sentence that stays. What was going on is over.
func (p *progress) say(format string, args ...any) {
	p.clear()
	p.out.printf(format+"\n", args...)
}

// clear empties the line.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now = ""; p.terminal {
		p.out.printf("\r\033[K")
	}
}

// isTerminal tells whether a line can be written over.
func isTerminal(out printer) bool {
	file, ok := out.Writer.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
