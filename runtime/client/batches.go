package client

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// run makes batches of what waits and sends them, until the Sender is closed and nothing is left.
func (s *Sender) run(ctx context.Context) {
	defer close(s.over)
	var flights sync.WaitGroup
	defer flights.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		batch, first, wait, over := s.next()
		if over {
			return
		}
		if len(batch) > 0 {
			flights.Go(func() { s.fly(ctx, batch, first) })
			continue
		}
		timer.Reset(wait)
		select {
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// idleWait is for how long it is not looked whether there is anything to send, where nobody says so.
const idleWait = time.Hour

// next takes the next batch out of the queue. Where there is none yet, it tells how long to wait for one.
func (s *Sender) next() (batch []Reading, first int64, wait time.Duration, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return nil, 0, idleWait, s.closed && len(s.flights) == 0
	}
	if len(s.flights) >= s.o.Requests {
		return nil, 0, idleWait, false // whoever lands says so
	}
	if wait := s.o.Linger - s.c.o.Now().Sub(s.since); wait > 0 && !s.hurried() {
		return nil, 0, wait, false
	}
	n := s.together()
	if n == 0 {
		return nil, 0, idleWait, false // likewise
	}
	batch, first = append(batch, s.queue[:n]...), s.taken
	clear(s.queue[:n])
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil // and not the rest of an array that grows with each reading
	}
	s.since = s.c.o.Now()
	s.taken += int64(n)
	s.flights[first] = true
	for _, r := range batch {
		s.flying[r.Key()]++
	}
	return batch, first, 0, false
}

// hurried tells whether what waits is not to wait for more.
func (s *Sender) hurried() bool {
	if s.closed || len(s.queue) >= s.o.BatchReadings {
		return true
	}
	for _, f := range s.flushes {
		if f.upTo > s.taken {
			return true
		}
	}
	return false
}

// together is how many of the first readings go in one batch: none behind another value of the same reading that is on its way, since
// of two requests at the same time either may win.
func (s *Sender) together() int {
	most := min(len(s.queue), s.o.BatchReadings)
	for n, r := range s.queue[:most] {
		if s.flying[r.Key()] > 0 {
			return n
		}
	}
	return most
}

// fly sends a batch and tells what came of it.
func (s *Sender) fly(ctx context.Context, batch []Reading, first int64) {
	rejected, err := s.deliver(ctx, batch)
	s.tell(batch, rejected, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flights, first)
	for _, r := range batch {
		<-s.room
		if key := r.Key(); s.flying[key] > 1 {
			s.flying[key]--
		} else {
			delete(s.flying, key)
		}
	}
	s.settle()
	s.look()
}

// deliver sends a batch, again for as long as the service cannot take it.
func (s *Sender) deliver(ctx context.Context, batch []Reading) ([]Rejected, error) {
	began := s.c.o.Now()
	for attempt := 1; ; attempt++ {
		rejected, err := s.c.SendBatch(ctx, batch)
		if err == nil || !Temporary(err) || s.c.o.Now().Sub(began) >= s.o.Patience {
			return rejected, err
		}
		if cut := s.c.pause(ctx, attempt, err, s.o.Patience); cut != nil {
			return nil, cut
		}
	}
}

// count notes what was not stored, for Flush and Close.
func (s *Sender) count(batch []Reading, rejected []Rejected, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.told.Lost += len(batch)
	} else {
		s.told.Rejected += len(rejected)
	}
	if s.told.First == nil {
		s.told.First = err
		if err == nil && len(rejected) > 0 {
			s.told.First = rejection(batch, rejected[0])
		}
	}
}

// tell reports what came of a batch.
func (s *Sender) tell(batch []Reading, rejected []Rejected, err error) {
	s.count(batch, rejected, err)
	s.telling.Lock()
	defer s.telling.Unlock()
	if err != nil {
		if s.o.Lost != nil {
			s.o.Lost(batch, err)
		}
		return
	}
	if s.o.Stored != nil && len(rejected) < len(batch) {
		s.o.Stored(len(batch) - len(rejected))
	}
	if s.o.Rejected == nil {
		return
	}
	for _, one := range rejected {
		if one.Index >= 0 && one.Index < len(batch) {
			s.o.Rejected(batch[one.Index], one.Errors)
		}
	}
}

// rejection says in one error why a reading was rejected.
func rejection(batch []Reading, one Rejected) error {
	if one.Index < 0 || one.Index >= len(batch) || len(one.Errors) == 0 {
		return fmt.Errorf("reading %d of a batch was rejected", one.Index)
	}
	return fmt.Errorf("a reading of %q: %w", batch[one.Index].EquipmentID, one.Errors[0])
}

// settle ends the flushes that have nothing more to wait for.
func (s *Sender) settle() {
	oldest := s.taken
	if len(s.flights) > 0 {
		for first := range s.flights {
			oldest = min(oldest, first)
		}
	}
	var left []flush
	for _, f := range s.flushes {
		if f.upTo <= oldest {
			close(f.done)
		} else {
			left = append(left, f)
		}
	}
	s.flushes = left
}
