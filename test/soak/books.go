package soak

import "sync"

// Booked is how many readings there must be, by what the answers said, and what was done.
type Booked struct {
	// Stored are there. Of Unknown, some or all may be there too: a write that was not answered as stored may have happened.
	Stored, Unknown           int
	Files, Corrected, Deleted int
}

// Books keep what was sent and how it was answered. Its methods may be called at the same time.
type Books struct {
	mu     sync.Mutex
	booked Booked
}

// Booked is what the books say by now.
func (b *Books) Booked() Booked {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.booked
}

// Wrote books readings that were sent twice, the second time as corrections: first and again tell whether each was answered as stored. It
// returns whether the readings are known to be there.
func (b *Books) Wrote(readings int, first, again bool) (known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.write(readings, first || again)
	if first && again {
		b.booked.Corrected += readings
	}
	return first || again
}

// File books a file's readings; done tells whether the file was worked off as it should be.
func (b *Books) File(readings int, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.write(readings, done)
	if done {
		b.booked.Files++
	}
}

func (b *Books) write(readings int, known bool) {
	if known {
		b.booked.Stored += readings
	} else {
		b.booked.Unknown += readings
	}
}

// Deletion books a deletion of readings that were known to be there; done tells whether it was answered as done. What is unknown stays so:
// such a write may happen after the deletion.
func (b *Books) Deletion(readings int, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.booked.Stored -= readings
	if done {
		b.booked.Deleted += readings
	} else {
		b.booked.Unknown += readings
	}
}
