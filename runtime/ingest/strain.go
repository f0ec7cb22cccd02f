package ingest

import "time"

// strain tells whether the table is beyond its capacity, and how many entries may wait in lanes then. Whoever joins more of them would
// wait for others who wait, and be told too late: it is better told at once, after the one attempt that everybody has. Equipments
// that the table takes notice nothing of it.
//
// The sign of it is that a good part of those is held back of whom nothing was before. An equipment that is beyond its own partition
// shows once, when its lane begins. A table that is beyond its capacity holds back everybody.
type strain struct {
	// share is the part of the first attempts, lately, that the table held back, each equipment counted once while it has a lane.
	share float64
	// since is from when on the share has been high, and stood from when on the queue has been too long; zero where it is not so.
	since, stood time.Time
	// stored is how many entries were stored since counted, and rate how many a second lately.
	stored  int
	counted time.Time
	rate    float64
}

const (
	// strainWeight is that of an attempt in the share.
	strainWeight = 1.0 / 32
	// strainFrom is the share from which on the table is taken to be beyond its capacity, strainUntil the one below which it is not any
	// more, and strainAfter for how long it must be so: what is over by then is better waited for.
	strainFrom  = 0.25
	strainUntil = 0.125
	strainAfter = 200 * time.Millisecond
	// strainBudget is how long an entry is to be in a lane on average, under strain. As the table holds back by chance, the unlucky ones
	// take ten times as long. What the table takes does not hang on it: new readings come in any case.
	strainBudget = 15 * time.Millisecond
	// strainMin is how many entries may be in lanes in any case, so that there is something to measure by.
	strainMin = 5
	// strainRests is restsMax under strain: who was held back often is among the oldest, and should not wait longer than others do.
	// strainAttempts is attemptsMax: their attempts come soon, one after another, and who was let in is to be stored.
	strainRests    = 1
	strainAttempts = 4 * attemptsMax
	// rateWindow is over how long the rate is measured, and rateWeight the weight of one such window.
	rateWindow = 100 * time.Millisecond
	rateWeight = 1.0 / 4
	// sojournMax is how long an entry may be under way, as far as can be told, where all calls that may be are in flight: a longer
	// queue only makes everybody late, once it has stood for standsAfter.
	sojournMax  = 400 * time.Millisecond
	standsAfter = 500 * time.Millisecond
)

// firstAttempt takes note of what became of the first attempt of an equipment that had no lane.
func (s *strain) firstAttempt(heldBack bool) {
	s.share -= s.share * strainWeight
	if heldBack {
		s.share += strainWeight
	}
	switch {
	case s.share < strainUntil:
		s.since = time.Time{}
	case s.share >= strainFrom && s.since.IsZero():
		s.since = time.Now()
	}
}

// strained tells whether the table is beyond its capacity.
func (s *strain) strained() bool { return !s.since.IsZero() && time.Since(s.since) >= strainAfter }

// done takes note that entries were stored.
func (s *strain) done(entries int) {
	now := time.Now()
	s.stored += entries
	elapsed := now.Sub(s.counted)
	if elapsed < rateWindow {
		return
	}
	s.rate += (float64(s.stored)/elapsed.Seconds() - s.rate) * rateWeight
	s.stored, s.counted = 0, now
}

// refusalsMax is how many refusals in a row make a lane's longest rest.
func (s *strain) refusalsMax() int {
	if s.strained() {
		return strainRests
	}
	return restsMax
}

// attemptsMost is how many attempts a slot has.
func (s *strain) attemptsMost() int {
	if s.strained() {
		return strainAttempts
	}
	return attemptsMax
}

// tooMany tells whether another entry is more than should be in lanes, where inLanes are.
func (s *strain) tooMany(inLanes int) bool {
	return s.strained() && inLanes >= max(int(s.rate*strainBudget.Seconds()), strainMin)
}

// stands tells whether the queue only makes those late who join it. pending are under way, of which statements are in the calls in
// flight, and each call takes latency: by Little's law that is what the table takes a second. full tells that no further call may begin.
func (s *strain) stands(full bool, pending, statements int, latency time.Duration) bool {
	sojourn := time.Duration(pending) * latency / time.Duration(max(statements, 1))
	switch {
	case !full || sojourn < sojournMax/2:
		s.stood = time.Time{}
		return false
	case sojourn <= sojournMax: // it may grow again, and then at once
		return false
	case s.stood.IsZero():
		s.stood = time.Now()
	}
	return time.Since(s.stood) >= standsAfter
}
