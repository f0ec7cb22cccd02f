package regions_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ticksPerSecond is the unit of processor times in /proc, USER_HZ, on every Linux that Go runs on.
const ticksPerSecond = 100

// machineLoad measures which share of the processors other programs had since it was made. A bound in time that holds on a machine
// of one's own is that much longer on one that is shared.
type machineLoad struct {
	began      time.Time
	all, other int64 // processor time so far: of everything, and of what is not this test's
	known      bool
}

func watchLoad() machineLoad {
	all, ours, known := processorTimes()
	return machineLoad{time.Now(), all, all - ours, known}
}

// readyWithin fails where the time since the beginning, less the share that others had of the processors, is above limit.
func (l machineLoad) readyWithin(t *testing.T, limit time.Duration) {
	t.Helper()
	took := time.Since(l.began)
	share := 0.0
	if all, ours, known := processorTimes(); known && l.known {
		others := time.Duration(all-ours-l.other) * time.Second / ticksPerSecond
		share = min(max(others.Seconds()/(took.Seconds()*float64(runtime.NumCPU())), 0), 1)
	}
	own := time.Duration(float64(took) * (1 - share))
	t.Logf("two regions were ready after %.1f s, while others had %.0f %% of the processors: %.1f s of a machine of one's own",
		took.Seconds(), 100*share, own.Seconds())
	if own > limit {
		t.Errorf("that is more than %v", limit)
	}
}

// processorTimes are the ticks that all programs have used, and those of this process with everything below it.
func processorTimes() (all, ours int64, known bool) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, false
	}
	first, _, _ := strings.Cut(string(content), "\n")
	for i, field := range strings.Fields(first) {
		const idle, waiting, guest = 4, 5, 9 // guests are part of the users' time
		if n, err := strconv.ParseInt(field, 10, 64); err == nil && i != idle && i != waiting && i < guest {
			all += n
		}
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	parents, used := map[int]int{}, map[int]int64{}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		_, rest, ok := strings.Cut(string(content), ") ")
		const parent, firstTime, times = 1, 11, 4 // of the process, user and system, and of its children that have ended
		fields := strings.Fields(rest)
		if err != nil || !ok || len(fields) < firstTime+times {
			continue
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parents[id], _ = strconv.Atoi(fields[parent])
		for _, field := range fields[firstTime : firstTime+times] {
			n, _ := strconv.ParseInt(field, 10, 64)
			used[id] += n
		}
	}
	for id, ticks := range used {
		for at := id; at > 1; at = parents[at] {
			if at == os.Getpid() {
				ours += ticks
				break
			}
		}
	}
	return all, ours, true
}
