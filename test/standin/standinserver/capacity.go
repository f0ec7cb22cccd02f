package main

import (
	"sync"
	"time"
)

// burst is how much of its capacity a table has saved at most. DynamoDB saves up to five minutes' worth, and promises nothing.
const burst = 100 * time.Millisecond

// capacity is what the tables take in a second.
type capacity struct {
	mu   sync.Mutex
	left float64
	at   time.Time // when left was so
}

// take returns how many of some writes there is capacity for; perSecond 0 is for all.
func (c *capacity) take(writes, perSecond int, now time.Time) int {
	if perSecond == 0 {
		return writes
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	full := float64(perSecond) * burst.Seconds()
	c.left = min(max(1, full), c.left+now.Sub(c.at).Seconds()*float64(perSecond))
	c.at = now
	taken := min(writes, int(c.left))
	c.left -= float64(taken)
	return taken
}
