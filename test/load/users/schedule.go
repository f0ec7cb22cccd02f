package users

import (
	"math/rand/v2"
	"time"
)

// Pace is when users send.
type Pace struct {
	// Users is how many there are. They begin one after another, evenly over Ramp.
	Users int
	Ramp  time.Duration
	// Measured is how long they go on after the ramp. What was to be sent in this time is measured.
	Measured time.Duration
	// PauseMin and PauseMax bound what lies between two readings of a user, evenly distributed.
	PauseMin, PauseMax time.Duration
}

// schedule is the moments at which one user sends, counted from the beginning of all. It is fixed by the seed, whatever the answers.
type schedule struct {
	pace   Pace
	random *rand.Rand
	at     time.Duration
}

// newSchedule returns the moments of the user with this number, from 0. The first is at once.
func newSchedule(p Pace, user int, seed uint64) schedule {
	s := schedule{pace: p, random: rand.New(rand.NewPCG(seed, uint64(user)))} //nolint:gosec // a pace is no secret, and a number of a user not negative
	if p.Users > 0 {
		s.at = p.Ramp * time.Duration(user) / time.Duration(p.Users)
	}
	return s
}

// next moves on to the next moment.
func (s *schedule) next() {
	s.at += s.pace.PauseMin + time.Duration(s.random.Int64N(int64(s.pace.PauseMax-s.pace.PauseMin)+1))
}

// over tells whether the moment lies behind the end of all.
func (s *schedule) over() bool { return s.at >= s.pace.Ramp+s.pace.Measured }

// second is the second of the measured time in which the moment lies; measured is false in the ramp.
func (s *schedule) second() (n int, measured bool) {
	return int((s.at - s.pace.Ramp) / time.Second), s.at >= s.pace.Ramp
}
