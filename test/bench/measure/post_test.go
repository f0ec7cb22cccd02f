package main

import (
	"testing"
	"time"
)

// TestSaturation_SaysWhoseFiguresSayLess judges contenders that keep up, fall behind, and refuse.
func TestSaturation_SaysWhoseFiguresSayLess(t *testing.T) {
	of := func(name string, took time.Duration, failed int64) *contender {
		one := round{}
		for range 1000 {
			one.latencies = append(one.latencies, took)
		}
		one.answered, one.failed = 1000, failed
		return &contender{name: name, rounds: []round{one}}
	}
	quick, late := 5*time.Millisecond, time.Second
	for want, contenders := range map[string][]*contender{
		"No process was saturated, and each pays for waking up.":                    {of("bare", quick, 0), of("service", quick, 10)},
		"Behind the load, and so saturated: putitem. The others pay for waking up.": {of("bare", quick, 0), of("putitem", late, 0)},
		"All were behind the load, and so saturated. Requests that failed: service 40 %. " +
			"To refuse one is cheap, so what a request of theirs costs says nothing.": {of("bare", late, 0), of("service", late, 400)},
	} {
		if got := saturation(contenders); got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
}
