package sqslocal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// VisibilityTimeoutDefault is SQS's own default.
	VisibilityTimeoutDefault = 30 * time.Second
	// ReceiveMax is how many messages one Receive gives at most.
	ReceiveMax = 10
)

// Options configure a queue.
type Options struct {
	// Name is the last part of the queue's address. Required.
	Name string
	// VisibilityTimeout is how long a message taken stays hidden. Default: VisibilityTimeoutDefault.
	VisibilityTimeout time.Duration
	// DeadLetter receives messages that were taken MaxReceiveCount times and came back. Default: none.
	DeadLetter *Queue
	// MaxReceiveCount is required with DeadLetter, at least 1.
	MaxReceiveCount int
	// Journal is a file that keeps the messages through a restart; they come back visible, and their count of receives starts
	// again. Default: in memory only.
	Journal string
}

// Message is a message as a receiver gets it.
type Message struct {
	ID, Body string
	// Receipt names this receive: only the latest one deletes the message.
	Receipt string
	// ReceiveCount is how often the message was taken, this time included.
	ReceiveCount            int
	SentAt, FirstReceivedAt time.Time
}

// Depth counts the messages of a queue.
type Depth struct{ Visible, InFlight int }

type entry struct {
	Message
	visibleAt time.Time
}

// Queue is safe for concurrent use.
type Queue struct {
	options Options

	mu       sync.Mutex
	messages []*entry // oldest first
	journal  *journal // nil in memory
	changed  chan struct{}
}

// NewQueue returns a queue, with the messages of its journal if there are any.
func NewQueue(o Options) (*Queue, error) {
	if o.Name == "" {
		return nil, errors.New("a queue needs a name")
	}
	if o.DeadLetter != nil && o.MaxReceiveCount < 1 {
		return nil, fmt.Errorf("queue %s: MaxReceiveCount must be at least 1, got %d", o.Name, o.MaxReceiveCount)
	}
	if o.VisibilityTimeout == 0 {
		o.VisibilityTimeout = VisibilityTimeoutDefault
	}
	q := &Queue{options: o, changed: make(chan struct{})}
	if o.Journal != "" {
		kept, j, err := openJournal(o.Journal)
		if err != nil {
			return nil, fmt.Errorf("queue %s: %w", o.Name, err)
		}
		q.messages, q.journal = kept, j
	}
	return q, nil
}

// Name is the queue's name.
func (q *Queue) Name() string { return q.options.Name }

// Send adds a message and returns its id. With a journal, it fails when that cannot be written.
func (q *Queue) Send(body string) (string, error) {
	now := time.Now()
	e := &entry{Message: Message{ID: uuid.NewString(), Body: body, SentAt: now}, visibleAt: now}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.journal.sent(e); err != nil {
		return "", fmt.Errorf("send to queue %s: %w", q.options.Name, err)
	}
	q.messages = append(q.messages, e)
	q.wake()
	return e.ID, nil
}

// Receive takes up to limit (1 to ReceiveMax) visible messages, the oldest first, and waits up to wait for the first one. It
// returns none when the wait or the context ends.
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	deadline := time.Now().Add(wait)
	for {
		taken, next, changed, err := q.take(min(max(limit, 1), ReceiveMax))
		left := time.Until(deadline)
		if err != nil || len(taken) > 0 || left <= 0 {
			return taken, err
		}
		if !next.IsZero() {
			left = min(left, time.Until(next))
		}
		timer := time.NewTimer(left)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, nil
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// take also returns when the next hidden message becomes visible (zero: none is hidden) and what tells of changes.
func (q *Queue) take(limit int) (taken []Message, next time.Time, changed chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, e := range slices.Clone(q.messages) {
		if e.visibleAt.After(now) {
			if next.IsZero() || e.visibleAt.Before(next) {
				next = e.visibleAt
			}
			continue
		}
		if q.options.DeadLetter != nil && e.ReceiveCount >= q.options.MaxReceiveCount {
			if err := q.redrive(e); err != nil {
				return taken, next, q.changed, err
			}
			continue
		}
		if len(taken) == limit {
			break
		}
		if e.ReceiveCount == 0 {
			e.FirstReceivedAt = now
		}
		e.ReceiveCount++
		e.visibleAt = now.Add(q.options.VisibilityTimeout)
		e.Receipt = fmt.Sprintf("%s.%d", e.ID, e.ReceiveCount)
		taken = append(taken, e.Message)
	}
	return taken, next, q.changed, nil
}

// redrive sends before it removes: a crash between the two doubles the message instead of losing it.
func (q *Queue) redrive(e *entry) error {
	if _, err := q.options.DeadLetter.Send(e.Body); err != nil {
		return fmt.Errorf("move message from queue %s: %w", q.options.Name, err)
	}
	return q.remove(e)
}

func (q *Queue) remove(e *entry) error {
	if err := q.journal.deleted(e); err != nil {
		return fmt.Errorf("remove from queue %s: %w", q.options.Name, err)
	}
	q.messages = slices.DeleteFunc(q.messages, func(o *entry) bool { return o == e })
	return nil
}

// Delete removes the message of the receipt. A receipt that is not the message's latest removes nothing and is no error.
func (q *Queue) Delete(receipt string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.messages, func(e *entry) bool { return e.Receipt != "" && e.Receipt == receipt })
	if i < 0 {
		return nil
	}
	return q.remove(q.messages[i])
}

// ErrNotInFlight means that a receipt names no message that is hidden since its latest receive.
var ErrNotInFlight = errors.New("the message of this receipt is not in flight")

// Hide lets the message of a receipt come back after d from now on instead of after the queue's visibility timeout. The error is
// ErrNotInFlight where the message has come back already, or is there no more.
func (q *Queue) Hide(receipt string, d time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	i := slices.IndexFunc(q.messages, func(e *entry) bool { return e.Receipt != "" && e.Receipt == receipt && e.visibleAt.After(now) })
	if i < 0 {
		return ErrNotInFlight
	}
	q.messages[i].visibleAt = now.Add(d)
	q.wake()
	return nil
}

// Depth counts the messages.
func (q *Queue) Depth() Depth {
	q.mu.Lock()
	defer q.mu.Unlock()
	var d Depth
	now := time.Now()
	for _, e := range q.messages {
		if e.visibleAt.After(now) {
			d.InFlight++
		} else {
			d.Visible++
		}
	}
	return d
}

// Holds tells whether a message is in the queue, waiting or at work, whose body holds a text.
func (q *Queue) Holds(text string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.messages, func(e *entry) bool { return strings.Contains(e.Body, text) })
}

// Close closes the journal. The queue is not to be used afterwards.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.journal.close()
}

// wake lets every waiting receiver look again.
func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}
