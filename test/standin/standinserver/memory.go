package main

import (
	"hash/maphash"
	"sync"

	"github.com/sensorflow/sensorflow/test/standin"
)

// key is the identity of a reading.
type key struct{ equipmentID, timestamp string }

// memory keeps readings.
type memory struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu       sync.Mutex
	readings map[key]standin.Reading
}

func newMemory() *memory {
	m := &memory{seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].readings = map[key]standin.Reading{}
	}
	return m
}

func (m *memory) of(k key) *shard {
	return &m.shards[maphash.Comparable(m.seed, k)%uint64(len(m.shards))]
}

func (m *memory) find(k key) (r standin.Reading, found bool) {
	s := m.of(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	r, found = s.readings[k]
	return r, found
}

// put keeps a reading unless holds says that what is there, if anything is, must stay. It returns what was there.
func (m *memory) put(k key, r standin.Reading, holds func(old standin.Reading, found bool) bool) (old standin.Reading, found, stored bool) {
	s := m.of(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	old, found = s.readings[k]
	if stored = holds(old, found); stored {
		s.readings[k] = r
	}
	return old, found, stored
}

func (m *memory) size() (n int64) {
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += int64(len(s.readings))
		s.mu.Unlock()
	}
	return n
}
