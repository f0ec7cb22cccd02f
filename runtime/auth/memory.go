package auth

import (
	"crypto/sha256"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"
)

// mark is the hash of a name, an address or a pair: the text itself is as long as a client likes.
type mark [sha256.Size]byte

// memory keeps the records of a limiter within a fixed size, three kinds of them apart: those that make somebody wait, those
// that vouch for a sign-in, and the rest. However many attempts fail once under new names, they push out nothing but each
// other. Pushing out a record that makes somebody wait takes as many others that do.
//
// A record that is pushed out while an attempt is in flight is finished by that attempt alone.
type memory struct {
	waiting, familiar, rest *lru.Cache[mark, *record]
}

// newMemory returns a memory of at most so many records of each kind.
func newMemory(most int) (*memory, error) {
	m := &memory{}
	for _, kind := range []**lru.Cache[mark, *record]{&m.waiting, &m.familiar, &m.rest} {
		var err error
		if *kind, err = lru.New[mark, *record](most); err != nil {
			return nil, fmt.Errorf("make a memory of %d records: %w", most, err)
		}
	}
	return m, nil
}

func (m *memory) kinds() [3]*lru.Cache[mark, *record] {
	return [...]*lru.Cache[mark, *record]{m.waiting, m.familiar, m.rest}
}

// get finds or makes the record of what text names.
func (m *memory) get(text string) *record {
	key := mark(sha256.Sum256([]byte(text)))
	for _, kind := range m.kinds() {
		if r, found := kind.Get(key); found {
			return r
		}
	}
	r := &record{key: key, changed: make(chan struct{})}
	m.rest.Add(key, r)
	return r
}

// peek finds a record, nil where there is none.
func (m *memory) peek(text string) *record {
	key := mark(sha256.Sum256([]byte(text)))
	for _, kind := range m.kinds() {
		if r, found := kind.Peek(key); found {
			return r
		}
	}
	return nil
}

// sort puts a record that has changed to those of its kind.
func (m *memory) sort(r *record) {
	for _, kind := range m.kinds() {
		kind.Remove(r.key)
	}
	switch {
	case r.waits > 0:
		m.waiting.Add(r.key, r)
	case !r.succeededAt.IsZero():
		m.familiar.Add(r.key, r)
	default:
		m.rest.Add(r.key, r)
	}
}
