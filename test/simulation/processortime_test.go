package simulation_test

import (
	"syscall"
	"time"
)

// processorTime is the processor time of a history. Other programs on the machine do not change it.
func processorTime(histories uint64) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil || histories == 0 {
		return 0
	}
	return time.Duration((usage.Utime.Nano() + usage.Stime.Nano()) / int64(histories))
}
