package overload_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/load/users"
	"github.com/sensorflow/sensorflow/test/standin"
)

// What is promised at twice the rate that the table takes. A reduced run shares the processors with other tests, and holds the service to
// more lenient bounds; package ingest holds the same in virtual time, exactly.
const (
	acceptedWithin  = 500 * time.Millisecond
	refusedWithin   = 50 * time.Millisecond
	recoveredWithin = 5 * time.Second
	memoryRatioMax  = 1.3
)

func TestOverload_TwiceWhatTheTableTakes(t *testing.T) {
	capacity, lasts := sized(100, 2000), sized(8*time.Second, 60*time.Second) // readings a second
	s := start(t, standin.Options{WritesPerSecond: capacity})
	after := sized(6*time.Second, 10*time.Second)
	// A user sends every 2 s. Those who stay are half of the capacity, and go on when the others have gone.
	stay, leave := pace(capacity, lasts+after), pace(3*capacity, lasts)
	stay.Ramp = leave.Ramp
	steadily(t, func() []string { return s.overloaded(t, stay, leave, capacity) })
	s.memoryBeside(t, pace(4*capacity, lasts))
}

// overloaded lets some users stay when the others leave, and tells what was not as promised while all were there, and after it.
func (s *service) overloaded(t *testing.T, stay, leave users.Pace, capacity int) (wrong []string) {
	t.Helper()
	lasts := leave.Measured
	var stays, goes *users.Result
	var work sync.WaitGroup
	work.Go(func() { stays = s.crowd(t, "stays-", stay) })
	work.Go(func() { goes = s.crowd(t, "goes-", leave) })
	work.Wait()
	if t.Failed() {
		return nil
	}
	during := goes.Total
	for i := range int(lasts / time.Second) {
		during.Merge(&stays.Seconds[i])
	}
	recovered := recovery(stays.Seconds[int(lasts/time.Second):])
	figure(t, "overload_offered_rps", float64(during.Offered)/lasts.Seconds(), "requests/s")
	figure(t, "overload_goodput", float64(during.Accepted.Count())/lasts.Seconds()/float64(capacity), "of_capacity")
	figure(t, "overload_accepted_p50_ms", ms(during.Accepted.Percentile(50)), "ms")
	figure(t, "overload_accepted_p99_ms", ms(during.Accepted.Percentile(99)), "ms")
	figure(t, "overload_refused_p50_ms", ms(during.Refused.Percentile(50)), "ms")
	figure(t, "overload_refused_p99_ms", ms(during.Refused.Percentile(99)), "ms")
	figure(t, "overload_recovery_s", recovered.Seconds(), "s")
	if other := during.Failures() - during.Refused.Count(); other > 0 || during.RefusedBare > 0 {
		t.Errorf("%d failed in other ways than with 503, and %d of those lack Retry-After: %v", other, during.RefusedBare, during.Failed)
	}
	if goodput := float64(during.Accepted.Count()) / lasts.Seconds() / float64(capacity); goodput < sized(0.7, 0.9) {
		wrong = append(wrong, fmt.Sprintf("%.2f of the capacity is used", goodput))
	}
	if p99 := during.Accepted.Percentile(99); p99 > sized(4*acceptedWithin, acceptedWithin) {
		wrong = append(wrong, fmt.Sprintf("99 of 100 are stored within %v", p99))
	}
	if p := during.Refused.Percentile(sized(50.0, 99)); p > refusedWithin {
		wrong = append(wrong, fmt.Sprintf("%v of 100 that are refused hear so within %v", sized(50, 99), p))
	}
	if recovered > recoveredWithin {
		wrong = append(wrong, fmt.Sprintf("recovered after %v", recovered))
	}
	return wrong
}

// recovery is the first second from which on nothing is refused.
func recovery(seconds []users.Count) time.Duration {
	for i := len(seconds); i > 0; i-- {
		if seconds[i-1].Failures() > 0 {
			return time.Duration(i) * time.Second
		}
	}
	return 0
}

// memoryBeside holds what the service held at most against a bare handler with as many connections. With few connections the program
// itself counts for most.
func (s *service) memoryBeside(t *testing.T, p users.Pace) {
	t.Helper()
	if !fullSize() {
		return
	}
	bare := startBare(t)
	bare.crowd(t, "bare-", p)
	most, beside := s.memoryMost(t), bare.memoryMost(t)
	ratio := float64(most) / float64(beside)
	figure(t, "overload_memory_mib", float64(most)/(1<<20), "MiB")
	figure(t, "overload_memory_bare_mib", float64(beside)/(1<<20), "MiB")
	figure(t, "overload_memory_vs_bare", ratio, "ratio")
	if ratio > memoryRatioMax {
		t.Errorf("the service holds %.2f × what a bare handler holds, more than %v", ratio, memoryRatioMax)
	}
}
