package simulation_test

import (
	"syscall"
	"time"
)

// processorTime is what a history took of a processor, which other programs on the machine do not blur.
func processorTime(histories uint64) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil || histories == 0 {
		return 0
	}
	return time.Duration((usage.Utime.Nano() + usage.Stime.Nano()) / int64(histories))
}
