package users

import (
	"regexp"
	"slices"
	"testing"
	"time"
)

func testPace() Pace {
	return Pace{Users: 1000, Ramp: 5 * time.Second, Measured: 60 * time.Second, PauseMin: time.Second, PauseMax: 3 * time.Second}
}

// moments are all at which a user sends.
func moments(p Pace, user int, seed uint64) (all []time.Duration) {
	for s := newSchedule(p, user, seed); !s.over(); s.next() {
		all = append(all, s.at)
	}
	return all
}

func TestSchedule_KeepsToThePauses(t *testing.T) {
	p := testPace()
	var shortest, longest, sum time.Duration = time.Hour, 0, 0
	count, measured := 0, 0
	for user := range p.Users {
		at := moments(p, user, 7)
		if want := p.Ramp * time.Duration(user) / time.Duration(p.Users); at[0] != want {
			t.Fatalf("user %d begins after %v, want %v", user, at[0], want)
		}
		for i, one := range at {
			if one >= p.Ramp {
				measured++
			}
			if i > 0 {
				gap := one - at[i-1]
				shortest, longest, sum, count = min(shortest, gap), max(longest, gap), sum+gap, count+1
			}
		}
	}
	if shortest < time.Second || shortest > 1010*time.Millisecond || longest > 3*time.Second || longest < 2990*time.Millisecond {
		t.Errorf("pauses of %v to %v, want 1 s to 3 s", shortest, longest)
	}
	if mean := sum / time.Duration(count); mean < 1980*time.Millisecond || mean > 2020*time.Millisecond {
		t.Errorf("a mean pause of %v, want 2 s", mean)
	}
	if measured < 29500 || measured > 30500 {
		t.Errorf("%d readings in the measured minute, want 30,000", measured)
	}
}

func TestSchedule_IsFixedByTheSeed(t *testing.T) {
	p := testPace()
	if !slices.Equal(moments(p, 3, 1), moments(p, 3, 1)) {
		t.Error("the same user has other moments in another run")
	}
	if slices.Equal(moments(p, 3, 1), moments(p, 3, 2)) {
		t.Error("another seed gives the same moments")
	}
	first, second := moments(p, 0, 1), moments(p, 1, 1)
	if first[1]-first[0] == second[1]-second[0] {
		t.Error("two users keep step")
	}
}

func TestSchedule_TellsTheSecond(t *testing.T) {
	s := schedule{pace: testPace()}
	for at, want := range map[time.Duration]int{5 * time.Second: 0, 6*time.Second - 1: 0, 6 * time.Second: 1, 65*time.Second - 1: 59} {
		s.at = at
		if second, measured := s.second(); second != want || !measured {
			t.Errorf("after %v: second %d (%v), want %d", at, second, measured, want)
		}
	}
	s.at = 5*time.Second - 1
	if _, measured := s.second(); measured {
		t.Error("the ramp is measured")
	}
	s.at = 65 * time.Second
	if !s.over() {
		t.Error("it goes on behind its end")
	}
}

// What is read again is compared as text, and the service writes no zeros at the end.
func TestValue_IsWrittenAsTheServiceWritesIt(t *testing.T) {
	for n := range 5000 {
		if text := Value(n%70, n); text[len(text)-1] == '0' || !regexp.MustCompile(`^(0|[1-9]\d?)\.\d[1-9]$`).MatchString(text) {
			t.Fatalf("reading %d is %s", n, text)
		}
	}
}
